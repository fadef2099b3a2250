/**
 * Which callers may send for a CameraStream: a counter with a real API server, and agents with tokens that the API server
 * issued for real pods. The counter serves the stream's agent, rejects every other caller, and these change nothing.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import type { CameraStreamStatus } from '#crds/schema.ts';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import type { AgentCredentials } from '#proto/wire/credentials.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { type CountingServer, serveCounting } from '#proto/wire/server.ts';
import { Slots } from '../../counter-service/src/call/admission.ts';
import { Cluster } from '../../counter-service/src/cluster.ts';
import { DetectorPool } from '../../counter-service/src/detection/detector-pool.ts';
import { type Clip, entrance, readClip } from '../../counter-service/src/fixtures/clip.ts';
import { type Heard, PlayedAgent } from '../../counter-service/src/fixtures/played-agent.ts';
import { streamMetrics } from '../../counter-service/src/metrics.ts';
import { type CounterService, serveStream } from '../../counter-service/src/stream.ts';
import { until } from '../machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../machine/control-plane.ts';
import { Certificates, SERVER_NAME } from '../machine/certificates.ts';

const { cameraStreams, pods, serviceAccounts } = resources;
const log = createLog('counter-service', 'silent');

type Stream = KubernetesObject & { readonly spec?: object; readonly status?: CameraStreamStatus };

interface Caller {
  readonly stream?: StreamName;
  readonly token?: string;
  readonly plaintext?: boolean;
  readonly authorities?: Buffer;
  readonly serverName?: string;
}

suite('authorisation of callers', { skip: withoutControlPlane() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-identity-'));
  let plane: ControlPlane;
  let certificates: Certificates;
  let elsewhere: Certificates;
  let detectors: DetectorPool;
  let clip: Clip;
  let shop: string;
  let door: StreamName;

  before(async () => {
    const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
    detectors = new DetectorPool({ provider: 'cpu', workers: 1, maxBatch: 1, modelsDirectory, metrics: createMetrics(), log });
    [clip, certificates, elsewhere] = await Promise.all([
      readClip(),
      Certificates.make(folder),
      Certificates.make(join(folder, 'elsewhere')),
    ]);
    // Alone: one that starts while something else fails would not be stopped.
    plane = await ControlPlane.start();
    shop = await plane.makeNamespace();
    door = await declare(shop, 'door');
  });
  after(async () => {
    await Promise.all([plane?.stop(), detectors.stop()]);
    rmSync(folder, { recursive: true });
  });

  async function declare(namespace: string, name: string): Promise<StreamName> {
    const { apiVersion, kind } = cameraStreams;
    const object = {
      apiVersion,
      kind,
      metadata: { namespace, name },
      spec: { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [entrance] },
    };
    const made = await plane.api.create<Stream>(cameraStreams, object);
    await plane.api.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: `${name}-agent` } });
    return { namespace, name, uid: made.metadata!.uid! };
  }

  async function makePod(namespace: string, name: string, account: string): Promise<{ name: string; uid: string }> {
    const spec = { serviceAccountName: account, containers: [{ name: 'agent', image: 'agent' }] };
    const pod = await plane.api.create<KubernetesObject & { spec: object }>(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name },
      spec,
    });
    return { name, uid: pod.metadata!.uid! };
  }

  /** Starts a counter with a certificate and two slots. @param reviewSeconds between two reviews of an agent's token. */
  async function startCounter(reviewSeconds?: number) {
    const metrics = createMetrics();
    const ofStreams = streamMetrics(metrics);
    const cluster = new Cluster(plane.api, { counter: 'counter-1' }, ofStreams, log);
    const slots = new Slots(2);
    const identities = {
      ...cluster.identities,
      ...(reviewSeconds !== undefined && { reviewSeconds: { least: reviewSeconds, most: reviewSeconds } }),
    };
    const service: CounterService = {
      ledger: cluster.ledger,
      specs: cluster.specs,
      identities,
      receivers: [],
      slots,
      log,
      detector: (model) => detectors.of(model),
      draining: new AbortController().signal,
      metrics: ofStreams,
    };
    const shown = { certificate: readFileSync(certificates.ofCounter.certificateFile), key: readFileSync(certificates.ofCounter.keyFile) };
    const server = await serveCounting('127.0.0.1:0', (call) => serveStream(call, service), { certificate: shown });
    const stop = async () => {
      await server.stop(100);
      await cluster.ledger.close();
    };
    return { server, slots, metrics, stop };
  }

  function dial(
    { port }: CountingServer,
    { stream = door, token = '', plaintext = false, authorities, serverName = SERVER_NAME }: Caller,
    session = 'theirs',
  ): PlayedAgent {
    const credentials: AgentCredentials = { authorities: authorities ?? readFileSync(certificates.authoritiesFile), serverName, token };
    return new PlayedAgent(port, stream, { session, credentials: plaintext ? undefined : credentials });
  }

  const look = async ({ namespace, name }: StreamName) => (await plane.api.get<Stream>(cameraStreams, { namespace, name })).status;

  test('the counter serves only the agent of the stream, and other callers change nothing', async () => {
    const other = await plane.makeNamespace();
    const [gate, otherDoor] = await Promise.all([declare(shop, 'gate'), declare(other, 'door')]);
    const [mine, gates, others, gone] = await Promise.all([
      makePod(shop, 'door-1', 'door-agent'),
      makePod(shop, 'gate-1', 'gate-agent'),
      makePod(other, 'door-1', 'door-agent'),
      makePod(shop, 'door-0', 'door-agent'),
    ]);
    const legal = await plane.tokenOf(shop, 'door-agent', { pod: mine });
    const ofGonePod = await plane.tokenOf(shop, 'door-agent', { pod: gone });
    await plane.api.delete(pods, { namespace: shop, name: gone.name });
    const foreignKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const ownKey = createPrivateKey(readFileSync(plane.serviceAccountKey));
    const hourAgo = Math.floor(Date.now() / 1000) - 3600;

    const unauthorized = 'UNAUTHORIZED';
    const unreached = 'no call';
    const matrix: readonly (readonly [who: string, caller: Caller, outcome: string])[] = [
      ['agent of another stream', { token: await plane.tokenOf(shop, 'gate-agent', { pod: gates }) }, unauthorized],
      ['agent of another namespace', { token: await plane.tokenOf(other, 'door-agent', { pod: others }) }, unauthorized],
      [
        'token for another audience',
        { token: await plane.tokenOf(shop, 'door-agent', { pod: mine, audience: 'https://footfall.test' }) },
        unauthorized,
      ],
      ['expired token', { token: resign(legal, { iat: hourAgo - 3600, nbf: hourAgo - 3600, exp: hourAgo }, ownKey) }, unauthorized],
      ['token with another signature', { token: resign(legal, {}, foreignKey) }, unauthorized],
      [
        'token with a changed audience',
        { token: resign(legal, { aud: [COUNTER_AUDIENCE, 'https://footfall.test'] }, foreignKey) },
        unauthorized,
      ],
      ['token of a deleted pod', { token: ofGonePod }, unauthorized],
      ['no token', {}, unauthorized],
      ['text that is not a token', { token: 'let.me.in' }, unauthorized],
      ['stream of the same name that was created later', { token: legal, stream: { ...door, uid: gate.uid } }, 'UNKNOWN_STREAM'],
      ['agent of the stream, for another stream', { token: legal, stream: gate }, unauthorized],
      ['agent of the stream, for a stream of another namespace', { token: legal, stream: otherDoor }, unauthorized],
      ['plain TCP', { token: legal, plaintext: true }, unreached],
      [
        'counter with a certificate of another authority',
        { token: legal, authorities: readFileSync(elsewhere.authoritiesFile) },
        unreached,
      ],
      ['counter of another name', { token: legal, serverName: 'footfall-counter.elsewhere.svc' }, unreached],
    ];

    const { server, slots, metrics, stop } = await startCounter();
    try {
      const agent = dial(server, { token: legal }, 's1');
      agent.resume(clip);
      await agent.send(clip, 60);
      await until(async () => (await look(door))?.stream?.state === 'Counting');
      // Without the counts, which change meanwhile as the stream's agent sends.
      const stateOf = async () => {
        const { counts, stream } = (await look(door))!;
        return { term: counts?.term, session: counts?.session, stream };
      };
      const state = await stateOf();
      for (const [who, caller, expected] of matrix) {
        const stranger = dial(server, caller);
        await stranger.until(({ over, refusal }) => over || refusal !== undefined);
        assert.equal(outcomeOf(stranger.heard), expected, `${who}: ${JSON.stringify(stranger.heard)}`);
        stranger.hangUp();
      }
      await assert.rejects(connectWithTls12(server.port), /protocol version|handshake/i, 'TLS 1.2');
      assert.deepEqual(
        [await stateOf(), await look(gate), await look(otherDoor)],
        [state, undefined, undefined],
        'the counter took no term and wrote no state of a stream',
      );
      assert.equal(slots.streams, 1);
      assert.match(await metrics.render(), /counter_refusals_total\{reason="UNAUTHORIZED"\} 11\n/);
      await agent.send(clip, 150);
      agent.end();
      await agent.until(({ finished }) => finished);
      assert.deepEqual(
        [agent.heard.welcome?.term, agent.heard.counts?.in, agent.heard.counts?.gaps],
        [1, 1, 0],
        'the legal agent was served',
      );
      agent.hangUp();
    } finally {
      await stop();
    }
  });

  test('the counter commits and then rejects an agent whose pod is deleted, and the stream is Disconnected, not Refused', async () => {
    const back = await declare(shop, 'back');
    const pod = await makePod(shop, 'back-1', 'back-agent');
    const token = await plane.tokenOf(shop, 'back-agent', { pod: pod });
    const { server, stop } = await startCounter(1);
    try {
      const agent = dial(server, { token, stream: back }, 's1');
      agent.resume(clip);
      await agent.send(clip, 60);
      await plane.api.delete(pods, { namespace: shop, name: pod.name });
      await agent.until(({ refusal }) => refusal?.reason === 'UNAUTHORIZED');
      agent.hangUp();
      await until(async () => (await look(back))?.stream?.reason === 'AgentUnauthorized', 10);
      const { counts, stream } = (await look(back))!;
      assert.deepEqual([stream?.state, counts?.session], ['Disconnected', 's1'], 'what it sent is committed');
    } finally {
      await stop();
    }
  });
});

function outcomeOf({ welcome, refusal }: Heard): string {
  return welcome !== undefined ? 'served' : (refusal?.reason ?? 'no call');
}

/** The token with changed claims, or signed with another key. */
function resign(token: string, claims: object, key: KeyObject): string {
  const [header, payload] = token.split('.');
  const changed = { ...(JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object), ...claims };
  const text = `${header}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

function connectWithTls12(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
      socket.end();
      resolve();
    });
    socket.once('error', reject);
  });
}
