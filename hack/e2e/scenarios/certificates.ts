/** A certificate that the administrator provides, and its replacement while people are counted. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { connect } from 'node:tls';
import { resources, type V1ConfigMap } from '#crds/cluster/api.ts';
import { agentName } from '#crds/identity.ts';
import { Certificates, SERVER_NAME } from '../../machine/certificates.ts';
import { untilCounted } from '../counted.ts';
import { counterPods, untilPoolHas } from '../counters.ts';
import { SYSTEM } from '../installation.ts';
import { killContainer } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';
import { Witness } from '../witness.ts';

const SECRET = 'own-certificate';
const FRAMES_PER_SECOND = 5;
/** The operator reads the authorities once a minute. */
const KNOWN_WITHIN_SECONDS = 120;

export const certificateReplaced: Scenario = {
  name: 'certificate-replaced',
  promise: "Counters use the administrator's own certificate; its replacement by another authority's loses no access unit.",
  alone: true,
  async run(world) {
    const { streams, configure, kubectl, namespace, eventually, note, afterwards } = world;
    const folder = await mkdtemp(join(tmpdir(), 'footfall-e2e-certificates-'));
    afterwards(() => rm(folder, { recursive: true }));
    const certificates = await Certificates.make(folder);
    await storeInSecret(certificates, world);
    afterwards(() => kubectl(['delete', 'secret', SECRET, `--namespace=${SYSTEM}`]));
    await configure({ tls: { secretName: SECRET } });
    await untilPoolHas(2, 60, world);
    const witness = new Witness(world);
    try {
      await streams.create('door', { framesPerSecond: FRAMES_PER_SECOND });
      const before = await untilCounted('door', 1, world);
      const began = performance.now();
      await certificates.addAuthority();
      await storeInSecret(certificates, world);
      await eventually('the agent trusts both authorities', KNOWN_WITHIN_SECONDS, async () =>
        assert.equal(await authoritiesOf('door', world), 2),
      );
      await refreshMountedFiles(namespace, world);
      await certificates.certify();
      await storeInSecret(certificates, world);
      for (const { metadata } of await counterPods(world)) {
        await eventually(`${metadata!.name} presents the new certificate`, KNOWN_WITHIN_SECONDS, async () =>
          assert.equal(await presentedBy(metadata!.name!, world), await fingerprintOf(certificates)),
        );
      }
      note(`after ${((performance.now() - began) / 1000).toFixed(0)} s`);
      // An open call continues; the next call uses the new certificate.
      const { stream, counts } = (await streams.get('door')).status!;
      const serving = (await counterPods(world)).find(({ metadata }) => metadata!.name === stream!.counter)!;
      assert.equal(counts!.term, 1, 'the agent has called once');
      await killContainer(serving, world);
      await untilCounted('door', before + 3, world);
      const { crossings, uncertain, gapSeconds } = await witness.judge('door');
      assert.deepEqual({ gapSeconds, uncertain }, { gapSeconds: 0, uncertain: 0 });
      note(`${crossings} crossings`);
    } finally {
      await witness.close();
    }
  },
};

/** Puts the present certificate, key and authorities into the Secret. */
async function storeInSecret({ ofCounter, authoritiesFile }: Certificates, world: World): Promise<void> {
  const files = { 'tls.crt': ofCounter.certificateFile, 'tls.key': ofCounter.keyFile, 'ca.crt': authoritiesFile };
  const texts = await Promise.all(Object.entries(files).map(async ([name, file]) => [name, await readFile(file, 'utf8')]));
  await world.kubectl.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: SECRET, namespace: SYSTEM },
      stringData: Object.fromEntries(texts),
    }),
  );
  await refreshMountedFiles(SYSTEM, world);
}

/** Changes the pods, so that the kubelet updates their files at once and not within a minute and a half. */
async function refreshMountedFiles(namespace: string, { kubectl }: World): Promise<void> {
  await kubectl(['annotate', 'pods', '--all', '--overwrite', `--namespace=${namespace}`, `e2e.footfall.dev/looked-at=${Date.now()}`]);
}

/** How many authorities the stream's agent trusts. */
async function authoritiesOf(stream: string, { api, namespace, signal }: World): Promise<number> {
  const { data = {} } = await api.get<V1ConfigMap>(resources.configMaps, { namespace, name: agentName(stream) }, signal);
  return Object.values(data).join('').split('-----BEGIN CERTIFICATE-----').length - 1;
}

async function fingerprintOf({ ofCounter }: Certificates): Promise<string> {
  return new X509Certificate(await readFile(ofCounter.certificateFile)).fingerprint256;
}

/** The fingerprint of the certificate that a counter presents, through the API server. */
async function presentedBy(pod: string, { cluster, signal }: World): Promise<string> {
  const child = spawn('kubectl', ['port-forward', `--namespace=${SYSTEM}`, `pod/${pod}`, ':7443'], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  });
  child.on('error', () => undefined);
  try {
    const [line] = (await once(child.stdout, 'data', { signal })) as [Buffer];
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
    const socket = connect({ host: '127.0.0.1', port, servername: SERVER_NAME, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect', { signal });
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  } finally {
    child.kill();
  }
}
