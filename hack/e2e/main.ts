/** `npm run e2e`: installs Footfall in a real cluster and tests its promises one by one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { connect } from '#crds/cluster/client.ts';
import { runAsProcess } from '../../local/command.ts';
import { type Cluster, deleteCluster, ensureCluster } from './cluster.ts';
import { requirePrograms } from './commands.ts';
import { helmOf } from './helm.ts';
import { checkImages } from './image-promises.ts';
import { buildImages, loadImages } from './images.ts';
import { Installation } from './installation.ts';
import { type Kubectl, kubectlOf } from './kubectl.ts';
import { help, type Options, readOptions } from './options.ts';
import { clearReport, keepDiagnostics, REPORT } from './report.ts';
import { runScenarios } from './runner.ts';
import { scenarios } from './scenarios/all.ts';

async function run({ cluster: name, keep, only, minutes, seed }: Options, signal: AbortSignal): Promise<0 | 1> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-e2e-'));
  let cluster: Cluster | undefined;
  try {
    const [images, made] = await Promise.all([
      step('images are built', () => buildImages(signal)),
      step(`cluster ${name} is ready`, async () => (cluster = await ensureCluster(name, folder, signal))),
    ]);
    await step('the images are as promised', () => checkImages(images, signal));
    await step('the nodes have the images', () => loadImages(images, made, signal));
    const kubectl = kubectlOf(made.kubeconfig, signal);
    const installation = new Installation({ images, kubectl, helm: helmOf(made.kubeconfig, signal), signal });
    await clearReport();
    const begin = new Date();
    await step('Footfall and the cameras run', () => installOrReport(installation, kubectl));
    const api = connect({ kubeconfig: made.kubeconfig, userAgent: 'footfall-e2e' });
    try {
      const chosen = scenarios.filter((scenario) => only.length === 0 || only.includes(scenario.name));
      return await runScenarios(chosen, {
        cluster: made,
        installation,
        kubectl,
        api,
        begin,
        whole: chosen.length === scenarios.length,
        killing: { minutes, seed },
        signal,
        say,
      });
    } finally {
      await api.close();
    }
  } catch (error) {
    say(signal.aborted ? 'Stopped.' : (error as Error).message);
    return 1;
  } finally {
    if (cluster !== undefined && !cluster.found && !keep) await step(`cluster ${name} is gone`, () => deleteCluster(cluster!));
    else if (cluster !== undefined)
      say(`Cluster ${name} is left; to look around: kind export kubeconfig --name ${name}; kubectl get counts -A -o wide`);
    await rm(folder, { recursive: true, force: true });
  }
}

async function installOrReport(installation: Installation, kubectl: Kubectl): Promise<void> {
  try {
    await installation.bringUp();
  } catch (error) {
    await keepDiagnostics('installation', 'default', error as Error, kubectl);
    throw new Error(`${(error as Error).message} See ${REPORT}/installation/.`, { cause: error });
  }
}

async function step<T>(sentence: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  say(`${sentence} (${((performance.now() - began) / 1000).toFixed(0)} s)`);
  return result;
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

await runAsProcess({
  help: help(scenarios),
  readOptions: (args) => {
    const options = readOptions(
      args,
      scenarios.map(({ name }) => name),
    );
    requirePrograms();
    return options;
  },
  run,
});
