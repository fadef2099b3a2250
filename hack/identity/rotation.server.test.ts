/**
 * Replaces certificates, authorities and tokens again and again while an agent's process streams a clip to a counter with a
 * real API server: the call continues, and no access unit is lost.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type ApiServer, type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import type { CameraStreamStatus } from '#crds/schema.ts';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { serveCounting } from '#proto/wire/server.ts';
import { Slots } from '../../counter-service/src/call/admission.ts';
import { Certificate } from '../../counter-service/src/identity/certificate.ts';
import { Cluster } from '../../counter-service/src/cluster.ts';
import { DetectorPool } from '../../counter-service/src/detection/detector-pool.ts';
import { CLIP_UNITS, clipPath, entrance } from '../../counter-service/src/fixtures/clip.ts';
import { streamMetrics } from '../../counter-service/src/metrics.ts';
import { type CounterService, serveStream } from '../../counter-service/src/stream.ts';
import { until } from '../machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../machine/control-plane.ts';
import { Certificates, SERVER_NAME } from '../machine/certificates.ts';

const { cameraStreams, serviceAccounts } = resources;
const log = createLog('counter-service', 'silent');
type Stream = KubernetesObject & { readonly spec?: object; readonly status?: CameraStreamStatus };

suite('rotation under load', { skip: withoutControlPlane(), timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-rotation-'));
  const clip = join(folder, 'clip.mp4');
  const over = new AbortController();
  let plane: ControlPlane;
  let api: ApiServer;
  let detectors: DetectorPool;
  let reviews = 0;

  before(async () => {
    const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
    detectors = new DetectorPool({ provider: 'cpu', workers: 1, maxBatch: 1, modelsDirectory, metrics: createMetrics(), log });
    spawnSync('ffmpeg', ['-v', 'error', '-i', clipPath, '-frames:v', String(CLIP_UNITS), '-c', 'copy', '-an', clip]);
    plane = await ControlPlane.start();
    api = connect({
      kubeconfig: plane.kubeconfig,
      userAgent: 'counter',
      onRequest: ({ plural }) => (reviews += Number(plural === resources.tokenReviews.plural)),
    });
  });
  after(async () => {
    over.abort(new Error('the test is over'));
    await Promise.all([plane?.stop(), detectors.stop(), api?.close()]);
    rmSync(folder, { recursive: true });
  });

  test('rotating certificates, authorities and tokens loses no access unit, no call and no count', async (context) => {
    const namespace = await plane.makeNamespace();
    const { apiVersion, kind } = cameraStreams;
    const made = await plane.api.create<Stream>(cameraStreams, {
      apiVersion,
      kind,
      metadata: { namespace, name: 'door' },
      spec: { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [entrance] },
    });
    await plane.api.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'door-agent' } });
    const certificates = await Certificates.make(folder);
    certificates.setToken(await plane.tokenOf(namespace, 'door-agent'));
    const counter = await serve(certificates);
    context.after(() => counter.stop());
    const agent = startAgent({ namespace, name: 'door', uid: made.metadata!.uid! }, counter.port, certificates);
    const ended = once(agent, 'exit') as Promise<[number | null]>;
    const look = async () => (await plane.api.get<Stream>(cameraStreams, { namespace, name: 'door' })).status;
    await until(async () => (await look())?.stream?.state === 'Counting', 30);

    const isRunning = () => agent.exitCode === null && agent.signalCode === null;
    const replaced = { certificates: 0, authorities: 0, tokens: 0 };
    const rotateCertificates = async () => {
      while (isRunning()) {
        await certificates.addAuthority();
        replaced.authorities += 1;
        await certificates.certify();
        await untilPresented(counter.port, certificates);
        certificates.dropFormerAuthorities();
        await certificates.certify();
        await untilPresented(counter.port, certificates);
        replaced.certificates += 2;
      }
    };
    const rotateTokens = async () => {
      while (isRunning()) {
        certificates.setToken(await plane.tokenOf(namespace, 'door-agent'));
        const reviewed = reviews;
        await until(() => reviews > reviewed || !isRunning(), 20);
        replaced.tokens += Number(reviews > reviewed);
      }
    };
    const [[code]] = await Promise.all([ended, rotateCertificates(), rotateTokens()]);
    assert.equal(code, 0);
    const { counts } = (await look())!;
    assert.deepEqual([counts?.position, counts?.in, counts?.gaps.count, counts?.term], [CLIP_UNITS, 1, 0, 1], JSON.stringify(counts));
    assert.equal(counter.calls(), 1, 'the agent called once');
    assert.ok(replaced.certificates >= 6 && replaced.authorities >= 3 && replaced.tokens >= 2, JSON.stringify(replaced));
  });

  async function serve(certificates: Certificates) {
    const metrics = streamMetrics(createMetrics());
    const cluster = new Cluster(api, { counter: 'counter-1' }, metrics, log);
    // Without periodic reviews: the counter reviews each new token.
    const service: CounterService = {
      ledger: cluster.ledger,
      specs: cluster.specs,
      identities: cluster.identities,
      receivers: [],
      slots: new Slots(1),
      metrics,
      log,
      detector: (model) => detectors.of(model),
      draining: new AbortController().signal,
    };
    const certificate = await Certificate.read(certificates.ofCounter, log, 0.1);
    let calls = 0;
    const server = await serveCounting(
      '127.0.0.1:0',
      (call) => {
        calls += 1;
        return serveStream(call, service);
      },
      { certificate: certificate.current },
    );
    const following = certificate.follow((renewed) => server.renew(renewed), over.signal);
    const stop = async () => {
      over.abort(new Error('the test is over'));
      await server.stop(100);
      await Promise.all([following, cluster.ledger.close()]);
    };
    return { port: server.port, calls: () => calls, stop };
  }

  /** The agent reads the clip in real time, as from a camera. */
  function startAgent(stream: object, port: number, certificates: Certificates): ChildProcess {
    const config = {
      stream,
      source: { url: clip, realtime: true },
      buffer: { seconds: 10, megabytes: 10 },
      counters: [`127.0.0.1:${port}`],
      tls: certificates.ofAgent,
      site: { host: '127.0.0.1', port: 0 },
      logLevel: 'silent',
    };
    const main = fileURLToPath(new URL('../../edge-agent/src/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main], { env: { ...process.env, FOOTFALL_AGENT: JSON.stringify(config) }, stdio: 'inherit' });
    over.signal.addEventListener('abort', () => child.kill('SIGKILL'));
    return child;
  }
});

/** Waits until the counter presents the newest certificate to callers with the agents' authorities. */
async function untilPresented(port: number, certificates: Certificates): Promise<void> {
  const newest = new X509Certificate(readFileSync(certificates.ofCounter.certificateFile)).fingerprint256;
  await until(async () => (await fingerprintAt(port, certificates)) === newest, 10);
}

/** @throws Error when no authority of the agents has signed the counter's certificate. */
function fingerprintAt(port: number, { authoritiesFile }: Certificates): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { port, host: '127.0.0.1', servername: SERVER_NAME, ca: readFileSync(authoritiesFile), ALPNProtocols: ['h2'] },
      () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      },
    );
    socket.once('error', reject);
  });
}
