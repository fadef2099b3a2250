/** Faults of a camera: the condition reports each soon, in helpful words, and recovers when the fault is mended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { Kubectl } from '../kubectl.ts';
import type { Scenario } from '../scenario.ts';

/** From the creation of the stream; includes the start of the agent's pod. */
const REPORTED_WITHIN_SECONDS = 15;
/** From the mending; the agent retries at least every 15 s. */
const RECOVERED_WITHIN_SECONDS = 45;
/** The kubelet updates a changed Secret in a running pod about every minute and a half. */
const SECRET_WITHIN_SECONDS = 120;

export const unreachable: Scenario = {
  name: 'camera-unreachable',
  promise: 'A stream whose camera has no power reports CameraUnreachable, and counts once the camera has power.',
  async run({ streams, kubectl, afterwards }) {
    await streams.create('door', { url: 'rtsp://spare-camera.cameras.svc:8554/loop/door' });
    await streams.untilCondition(
      'door',
      { type: 'CameraConnected', status: 'False', reason: 'CameraUnreachable' },
      REPORTED_WITHIN_SECONDS,
    );
    await streams.untilCondition('door', { type: 'Ready', status: 'False', reason: 'CameraUnreachable' }, 5);
    afterwards(() => kubectl(['scale', 'deployment/spare-camera', '--namespace=cameras', '--replicas=0']));
    await kubectl(['scale', 'deployment/spare-camera', '--namespace=cameras', '--replicas=1']);
    await kubectl(['rollout', 'status', 'deployment/spare-camera', '--namespace=cameras', '--timeout=50s']);
    // The cluster's DNS caches for up to 30 s that the name has no address.
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS + 30);
  },
};

export const deadPath: Scenario = {
  name: 'camera-path-unknown',
  promise: 'A stream with a path that its camera lacks reports CameraPathUnknown, and counts once the camera has the path.',
  async run({ streams, namespace, kubectl, cluster, afterwards }) {
    await streams.create('door', { path: `live/${namespace}` });
    await streams.untilCondition(
      'door',
      { type: 'CameraConnected', status: 'False', reason: 'CameraPathUnknown' },
      REPORTED_WITHIN_SECONDS,
    );
    const player = ['ffmpeg', '-nostdin', '-loglevel', 'error', '-re', '-stream_loop', '-1', '-i', '/clips/loop.mp4', '-c', 'copy'];
    const target = ['-f', 'rtsp', '-rtsp_transport', 'tcp', `rtsp://localhost:8554/live/${namespace}`];
    const child = spawn('kubectl', ['exec', '--namespace=cameras', 'deployment/camera', '--', ...player, ...target], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      stdio: 'ignore',
    });
    // Stops the player in the camera's pod; `child` is only the kubectl that started it.
    afterwards(() => stopPlayer(namespace, kubectl).finally(() => child.kill()));
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
  },
};

export const wrongPassword: Scenario = {
  name: 'camera-unauthorized',
  promise: 'A stream with a wrong password reports CameraUnauthorized, and counts once the Secret has the right one; no log has either.',
  async run({ streams, namespace, kubectl }) {
    await kubectl.apply(secret(namespace, 'wrong-sesame'));
    await streams.create('vault', { path: `locked/${namespace}`, credentials: 'vault-camera' });
    const reported = await streams.untilCondition(
      'vault',
      { type: 'CameraConnected', status: 'False', reason: 'CameraUnauthorized' },
      REPORTED_WITHIN_SECONDS,
    );
    await kubectl.apply(secret(namespace, 'open-sesame'));
    const ready = await streams.untilReady('vault', SECRET_WITHIN_SECONDS);
    const log = await kubectl(['logs', `--namespace=${namespace}`, 'deployment/vault-agent']);
    assert.doesNotMatch(JSON.stringify([reported, ready]) + log, /sesame/, 'no password is in the status or the log');
  },
};

export const missingSecret: Scenario = {
  name: 'credentials-missing',
  promise: 'A stream whose Secret does not exist reports CredentialsMissing, and counts once the Secret exists.',
  async run({ streams, namespace, kubectl }) {
    await streams.create('vault', { path: `locked/${namespace}`, credentials: 'vault-camera' });
    await streams.untilCondition(
      'vault',
      { type: 'CameraConnected', status: 'False', reason: 'CredentialsMissing' },
      REPORTED_WITHIN_SECONDS,
    );
    await kubectl.apply(secret(namespace, 'open-sesame'));
    await streams.untilReady('vault', SECRET_WITHIN_SECONDS);
  },
};

export const fileSource: Scenario = {
  name: 'file-in-a-cluster',
  promise: 'A stream with a source that no agent in a cluster can read reports InvalidSpec; the operator runs no agent for it.',
  async run({ streams, eventually }) {
    await streams.create('door', { url: 'file:///clips/loop.mp4' });
    const { status } = await streams.untilCondition(
      'door',
      { type: 'Ready', status: 'False', reason: 'InvalidSpec' },
      REPORTED_WITHIN_SECONDS,
    );
    assert.match(status!.conditions!.find(({ type }) => type === 'Ready')!.message, /rtsp:\/\//);
    assert.deepEqual(await streams.agentPods('door'), []);
    await streams.create('gate');
    await eventually('gate has an agent', 30, async () => assert.equal((await streams.agentPods('gate')).length, 1));
    await streams.patch('gate', { spec: { source: { url: 'file:///clips/loop.mp4' } } });
    await eventually('gate has no agent any more', 45, async () => assert.deepEqual(await streams.agentPods('gate'), []));
  },
};

export const hevc: Scenario = {
  name: 'camera-h265',
  promise: 'Footfall counts the people in the video of an H.265 camera.',
  async run({ streams, namespace, eventually }) {
    await streams.create('door', { path: `hevc/${namespace}` });
    await streams.untilReady('door', 45);
    await eventually('a person is counted', 60, async () => {
      assert.ok((await streams.get('door')).status?.counts?.in, 'no count yet');
    });
  },
};

async function stopPlayer(namespace: string, kubectl: Kubectl): Promise<unknown> {
  const stop = `case "$(tr '\\0' ' ' < $p/cmdline)" in ffmpeg*/live/${namespace}*) kill "\${p#/proc/}";; esac`;
  return kubectl(['exec', '--namespace=cameras', 'deployment/camera', '--', 'sh', '-c', `for p in /proc/[0-9]*; do ${stop}; done`]);
}

function secret(namespace: string, password: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'vault-camera', namespace },
    stringData: { username: 'keeper', password },
  });
}
