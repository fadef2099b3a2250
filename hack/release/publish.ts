/**
 * Makes what a release consists of, and then pushes it. The artifacts come first: a fault in them is found before anything
 * is public. A dry run makes the same artifacts, builds what the machine can build, and shows the commands that push.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { writeArtifacts } from './artifacts.ts';
import { run } from '../e2e/commands.ts';
import { type Command, type ImageBuild, platformsOf, publishImage, pushChart, rehearseImage, typed } from './commands.ts';
import { images, PLATFORMS } from './published.ts';
import { Outcome } from './summary.ts';
import type { Work } from './work.ts';

/** ffmpeg is compiled on an emulated processor for one of the platforms. How long that takes has not been measured. */
const BUILD_SECONDS = 3 * 3600;
const HELM = process.env['FOOTFALL_HELM'] ?? 'helm';

/** What this machine has for it; a sentence instead of what is missing. */
interface Machine {
  readonly helm: string | undefined;
  readonly withoutHelm: string | undefined;
  /** What docker buildx can build for. */
  readonly platforms: readonly string[];
  readonly withoutBuildx: string | undefined;
}

export async function publish(work: Work): Promise<void> {
  const machine = await inspectMachine(work.signal);
  const unknown = PLATFORMS.find((platform) => !machine.platforms.includes(platform));
  const missing = machine.withoutBuildx ?? machine.withoutHelm ?? (unknown && `docker buildx cannot build for ${unknown} here`);
  if (!work.dryRun && missing !== undefined) throw new Error(`Nothing was published: ${missing}.`);
  await mkdir(work.directory, { recursive: true });

  const chart = await writeArtifacts(work, machine);
  const { devDependencies } = JSON.parse(await readFile(join(work.tree, 'package.json'), 'utf8')) as { devDependencies: { node: string } };
  const build = { version: work.version, revision: work.revision, node: devDependencies.node };
  if (work.dryRun) await rehearseImages(work, build, machine);
  else await publishImages(work, build);
  await publishChart(work, chart);
  reportProvenance(work);
}

async function inspectMachine(signal: AbortSignal): Promise<Machine> {
  const helm = await answer({ program: HELM, args: ['version', '--short'] }, signal);
  // Without the plugin, docker complains of options that it does not know.
  const plugin = await answer({ program: 'docker', args: ['buildx', 'version'] }, signal);
  const buildx =
    plugin.said === undefined ? plugin : await answer({ program: 'docker', args: ['buildx', 'inspect', '--bootstrap'] }, signal);
  return {
    helm: helm.said === undefined ? undefined : HELM,
    withoutHelm: helm.said === undefined ? 'helm is neither on the PATH nor in FOOTFALL_HELM' : undefined,
    platforms: platformsOf(buildx.said ?? ''),
    withoutBuildx: buildx.said === undefined ? `docker buildx does not work here (${buildx.fault})` : undefined,
  };
}

async function answer({ program, args }: Command, signal: AbortSignal): Promise<{ readonly said?: string; readonly fault?: string }> {
  try {
    return { said: await run(program, args, { seconds: 120, signal }) };
  } catch (error) {
    signal.throwIfAborted();
    return { fault: (error as Error).message.split('\n')[0]! };
  }
}

async function publishImages({ tree, directory, version, report, signal }: Work, build: ImageBuild): Promise<void> {
  for (const image of images) {
    const metadataFile = join(directory, `${image.target}.metadata.json`);
    const command = publishImage(image, build, metadataFile);
    await run(command.program, command.args, { folder: tree, seconds: BUILD_SECONDS, signal });
    const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as { 'containerimage.digest': string };
    await rm(metadataFile);
    const digest = metadata['containerimage.digest'];
    report.image({ part: image.part, repository: image.repository, digest });
    report.step({
      step: 'image',
      outcome: Outcome.done,
      sentence: `${image.repository}:${version} is pushed (${digest}).`,
      commands: [typed(command)],
    });
  }
}

/** Shows each command that would push; builds for the platforms that this machine has, one by one, which any builder can. */
async function rehearseImages(work: Work, build: ImageBuild, { platforms, withoutBuildx }: Machine): Promise<void> {
  const { tree, directory, version, report, signal } = work;
  for (const image of images) {
    const command = publishImage(image, build, join(directory, `${image.target}.metadata.json`));
    report.step({
      step: 'image',
      outcome: Outcome.planned,
      sentence: `${image.repository}:${version} is not pushed.`,
      commands: [typed(command)],
    });
  }
  if (withoutBuildx !== undefined) {
    report.step({ step: 'build', outcome: Outcome.skipped, sentence: `No image is built: ${withoutBuildx}.` });
    return;
  }
  for (const platform of PLATFORMS) {
    if (!platforms.includes(platform)) {
      report.step({ step: 'build', outcome: Outcome.skipped, sentence: `No image is built for ${platform}: docker buildx cannot here.` });
      continue;
    }
    for (const image of images) {
      const command = rehearseImage(image, build, platform);
      await run(command.program, command.args, { folder: tree, seconds: BUILD_SECONDS, signal });
      report.step({
        step: 'build',
        outcome: Outcome.done,
        sentence: `${image.target} is built for ${platform}.`,
        commands: [typed(command)],
      });
    }
  }
}

async function publishChart({ dryRun, tree, report, signal }: Work, chart: string): Promise<void> {
  const command = pushChart(HELM, chart);
  if (!dryRun) await run(command.program, command.args, { folder: tree, seconds: 300, signal });
  const outcome = dryRun ? Outcome.planned : Outcome.done;
  report.step({ step: 'push', outcome, sentence: `The chart is ${dryRun ? 'not ' : ''}pushed.`, commands: [typed(command)] });
}

/** Only the host that builds can vouch for how it was built: the workflow attests, this script never does. */
function reportProvenance({ dryRun, report }: Work): void {
  const sentence = dryRun
    ? 'None was made: nothing was pushed.'
    : 'BuildKit attached its own, and an SBOM, to each image. None was made here of chart and SBOM: the release workflow attests them.';
  report.step({ step: 'provenance', outcome: Outcome.skipped, sentence });
}
