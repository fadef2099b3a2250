/** What can be wrong with a camera: the condition says so soon, in words that help, and is taken back when it is mended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { Kubectl } from '../kubectl.ts';
import type { Scenario } from '../scenario.ts';

/** From the declaration of the camera; in it the agent's pod has to start, too. */
const SAID_WITHIN_SECONDS = 15;
/** From the mending; the agent tries again at most every 15 s. */
const HEALED_WITHIN_SECONDS = 45;
/** The kubelet brings a changed Secret into a running pod with its next look, once in about a minute and a half. */
const SECRET_WITHIN_SECONDS = 120;

export const unreachable: Scenario = {
  name: 'camera-unreachable',
  promise: 'A camera without power is CameraUnreachable, and is counted as soon as it has power.',
  async run({ streams, kubectl, afterwards }) {
    await streams.create('door', { url: 'rtsp://spare-camera.cameras.svc:8554/loop/door' });
    await streams.whenCondition('door', { type: 'CameraConnected', status: 'False', reason: 'CameraUnreachable' }, SAID_WITHIN_SECONDS);
    await streams.whenCondition('door', { type: 'Ready', status: 'False', reason: 'CameraUnreachable' }, 5);
    afterwards(() => kubectl(['scale', 'deployment/spare-camera', '--namespace=cameras', '--replicas=0']));
    await kubectl(['scale', 'deployment/spare-camera', '--namespace=cameras', '--replicas=1']);
    await kubectl(['rollout', 'status', 'deployment/spare-camera', '--namespace=cameras', '--timeout=50s']);
    // The cluster's DNS remembers for up to 30 s that there was nobody of that name.
    await streams.whenReady('door', HEALED_WITHIN_SECONDS + 30);
  },
};

export const deadPath: Scenario = {
  name: 'camera-path-unknown',
  promise: 'A path that the camera does not have is CameraPathUnknown, and is counted as soon as the camera has it.',
  async run({ streams, namespace, kubectl, cluster, afterwards }) {
    await streams.create('door', { path: `live/${namespace}` });
    await streams.whenCondition('door', { type: 'CameraConnected', status: 'False', reason: 'CameraPathUnknown' }, SAID_WITHIN_SECONDS);
    const player = ['ffmpeg', '-nostdin', '-loglevel', 'error', '-re', '-stream_loop', '-1', '-i', '/clips/loop.mp4', '-c', 'copy'];
    const target = ['-f', 'rtsp', '-rtsp_transport', 'tcp', `rtsp://localhost:8554/live/${namespace}`];
    const child = spawn('kubectl', ['exec', '--namespace=cameras', 'deployment/camera', '--', ...player, ...target], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      stdio: 'ignore',
    });
    // The player goes with its own stream, which nobody takes any more once the camera is started anew.
    afterwards(() => stopPlayer(namespace, kubectl).finally(() => child.kill()));
    await streams.whenReady('door', HEALED_WITHIN_SECONDS);
  },
};

export const wrongPassword: Scenario = {
  name: 'camera-unauthorized',
  promise: 'A wrong password is CameraUnauthorized; with the right one in the Secret the camera is counted, and no log holds either.',
  async run({ streams, namespace, kubectl }) {
    await kubectl.apply(secret(namespace, 'wrong-sesame'));
    await streams.create('vault', { path: `locked/${namespace}`, credentials: 'vault-camera' });
    const said = await streams.whenCondition(
      'vault',
      { type: 'CameraConnected', status: 'False', reason: 'CameraUnauthorized' },
      SAID_WITHIN_SECONDS,
    );
    await kubectl.apply(secret(namespace, 'open-sesame'));
    const ready = await streams.whenReady('vault', SECRET_WITHIN_SECONDS);
    const log = await kubectl(['logs', `--namespace=${namespace}`, 'deployment/vault-agent']);
    assert.doesNotMatch(JSON.stringify([said, ready]) + log, /sesame/, 'no password is told to anybody');
  },
};

export const missingSecret: Scenario = {
  name: 'credentials-missing',
  promise: 'A Secret that is not there is CredentialsMissing; once it is there the camera is counted.',
  async run({ streams, namespace, kubectl }) {
    await streams.create('vault', { path: `locked/${namespace}`, credentials: 'vault-camera' });
    await streams.whenCondition('vault', { type: 'CameraConnected', status: 'False', reason: 'CredentialsMissing' }, SAID_WITHIN_SECONDS);
    await kubectl.apply(secret(namespace, 'open-sesame'));
    await streams.whenReady('vault', SECRET_WITHIN_SECONDS);
  },
};

export const fileSource: Scenario = {
  name: 'file-in-a-cluster',
  promise: 'A source that no agent of a cluster can read is InvalidSpec: no agent is started, and one that there is goes.',
  async run({ streams, eventually }) {
    await streams.create('door', { url: 'file:///clips/loop.mp4' });
    const { status } = await streams.whenCondition('door', { type: 'Ready', status: 'False', reason: 'InvalidSpec' }, SAID_WITHIN_SECONDS);
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
  promise: 'A camera that sends H.265 is counted like any other.',
  async run({ streams, namespace, eventually }) {
    await streams.create('door', { path: `hevc/${namespace}` });
    await streams.whenReady('door', 45);
    await eventually('somebody is counted', 60, async () => {
      assert.ok((await streams.get('door')).status?.counts?.in, 'nobody yet');
    });
  },
};

async function stopPlayer(namespace: string, kubectl: Kubectl): Promise<unknown> {
  const stop = `for p in /proc/[0-9]*; do case "$(tr '\\0' ' ' < $p/cmdline)" in ffmpeg*/live/${namespace}*) kill "\${p#/proc/}";; esac; done`;
  return kubectl(['exec', '--namespace=cameras', 'deployment/camera', '--', 'sh', '-c', stop]);
}

function secret(namespace: string, password: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'vault-camera', namespace },
    stringData: { username: 'keeper', password },
  });
}
