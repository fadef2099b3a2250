/**
 * A control plane for tests: a real etcd and kube-apiserver on loopback, with nothing behind them. Objects are judged,
 * stored and watched as in any cluster; no controller acts on them, and nothing runs. It is up after some 3 s.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type ApiServer, type KubernetesObject, type Resource, resources } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { customResourceDefinition } from '#crds/crd.ts';
import { kinds } from '#crds/kinds.ts';
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { freePort } from './free-port.ts';
import { ended } from './rtsp-server.ts';
import { until } from './until.ts';

const definitions: Resource = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
};
const namespaces: Resource = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' };

interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
}

/** Both binaries, or nothing: then tests against an API server have to be skipped. */
export function findControlPlane(): Binaries | undefined {
  const etcd = findBinary('etcd');
  const apiServer = findBinary('kube-apiserver');
  return etcd === undefined || apiServer === undefined ? undefined : { etcd, apiServer };
}

/** For `test(name, {skip: withoutControlPlane()}, ...)`. A CI that must not skip sets FOOTFALL_REQUIRE_APISERVER. */
export function withoutControlPlane(): string | false {
  if (findControlPlane() !== undefined) return false;
  if (process.env['FOOTFALL_REQUIRE_APISERVER'] !== undefined) throw new Error('etcd and kube-apiserver are required here, and missing.');
  return 'needs etcd and kube-apiserver on the PATH or in KUBEBUILDER_ASSETS';
}

export class ControlPlane {
  readonly url: string;
  /** A file; its user may do everything. */
  readonly kubeconfig: string;
  readonly api: ApiServer;
  readonly #folder: string;
  readonly #port: number;
  readonly #etcdPort: number;
  readonly #token: string;
  readonly #children = new Map<string, ChildProcess>();
  #namespaces = 0;

  private constructor(folder: string, token: string, { port, etcdPort }: { port: number; etcdPort: number }) {
    this.#folder = folder;
    this.#token = token;
    this.#port = port;
    this.#etcdPort = etcdPort;
    this.url = `https://127.0.0.1:${port}`;
    this.kubeconfig = this.writeKubeconfig('kubeconfig', this.url);
    this.api = connect({ kubeconfig: this.kubeconfig, userAgent: 'footfall-test' });
  }

  /** With CameraStreams defined. @throws Error with the end of its log when one of the two does not come up. */
  static async start(): Promise<ControlPlane> {
    const folder = await mkdtemp(join(tmpdir(), 'footfall-control-plane-'));
    const ports = { port: await freePort(), etcdPort: await freePort() };
    const token = randomBytes(16).toString('hex');
    await writeFile(join(folder, 'tokens.csv'), `${token},tester,tester,system:masters\n`, { mode: 0o600 });
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    await writeFile(join(folder, 'service-accounts.key'), privateKey, { mode: 0o600 });
    await writeFile(join(folder, 'service-accounts.pub'), publicKey);
    const plane = new ControlPlane(folder, token, ports);
    try {
      plane.#startEtcd();
      await plane.#startApiServer();
      for (const kind of kinds) await plane.api.create(definitions, customResourceDefinition(kind));
      await plane.#servesStreams();
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  /** Another way in, such as through a proxy on loopback that holds the server's certificate. @returns the file's path. */
  writeKubeconfig(name: string, server: string): string {
    const path = join(this.#folder, name);
    // JSON is YAML.
    writeFileSync(
      path,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'test', cluster: { server, 'certificate-authority': this.certificate } }],
        users: [{ name: 'tester', user: { token: this.#token } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'tester' } }],
        'current-context': 'test',
      }),
      { mode: 0o600 },
    );
    return path;
  }

  /** The server's own certificate, for 127.0.0.1, which it makes when it starts for the first time. */
  get certificate(): string {
    return join(this.#folder, 'certificates/apiserver.crt');
  }

  get certificateKey(): string {
    return join(this.#folder, 'certificates/apiserver.key');
  }

  /** Signs what the server takes for a ServiceAccount's token: a file. */
  get serviceAccountKey(): string {
    return join(this.#folder, 'service-accounts.key');
  }

  /** A new namespace. @returns its name. */
  async makeNamespace(): Promise<string> {
    this.#namespaces += 1;
    const name = `test-${this.#namespaces}`;
    await this.api.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  }

  /** As the kubelet asks for an agent's: for an hour, and as long as its pod is there. @param of.pod left out, the account's own. */
  async tokenOf(
    namespace: string,
    account: string,
    of: { readonly pod?: { readonly name: string; readonly uid: string }; readonly audience?: string } = {},
  ): Promise<string> {
    const { pod, audience = COUNTER_AUDIENCE } = of;
    const tokens = { apiVersion: 'v1', kind: 'TokenRequest', plural: `serviceaccounts/${account}/token` };
    const spec = {
      audiences: [audience],
      expirationSeconds: 3600,
      ...(pod && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } }),
    };
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { namespace }, spec };
    return (await this.api.create<KubernetesObject & { spec: object; status?: { token: string } }>(tokens, request)).status!.token;
  }

  /** Kills the API server in whatever it does; etcd goes on. */
  async killApiServer(): Promise<void> {
    await ended(this.#children.get('kube-apiserver')!);
  }

  /** Kills the API server and starts it again on the same port, with the same data. */
  async restartApiServer(): Promise<void> {
    await this.killApiServer();
    await this.#startApiServer();
    await this.#servesStreams();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children.values()].map(ended));
    // Last, because it waits for requests that are still open.
    await this.api.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #startEtcd(): void {
    const clients = `http://127.0.0.1:${this.#etcdPort}`;
    this.#spawn('etcd', findControlPlane()!.etcd, [
      '--data-dir',
      join(this.#folder, 'etcd'),
      '--listen-client-urls',
      clients,
      '--advertise-client-urls',
      clients,
      '--listen-peer-urls',
      'http://127.0.0.1:0',
      '--unsafe-no-fsync',
      '--log-level',
      'error',
    ]);
  }

  async #startApiServer(): Promise<void> {
    const child = this.#spawn('kube-apiserver', findControlPlane()!.apiServer, [
      '--etcd-servers',
      `http://127.0.0.1:${this.#etcdPort}`,
      '--bind-address',
      '127.0.0.1',
      '--secure-port',
      String(this.#port),
      '--cert-dir',
      join(this.#folder, 'certificates'),
      '--token-auth-file',
      join(this.#folder, 'tokens.csv'),
      '--authorization-mode',
      'RBAC',
      '--service-account-issuer',
      'https://footfall.test',
      '--service-account-key-file',
      join(this.#folder, 'service-accounts.pub'),
      '--service-account-signing-key-file',
      join(this.#folder, 'service-accounts.key'),
      '--service-cluster-ip-range',
      '10.0.0.0/24',
      // There is no controller that makes the accounts which pods name.
      '--disable-admission-plugins',
      'ServiceAccount',
      '--endpoint-reconciler-type',
      'none',
      '--enable-priority-and-fairness=false',
      '--profiling=false',
    ]);
    await until(async () => {
      if (child.exitCode !== null)
        throw new Error(`kube-apiserver ended with code ${child.exitCode}: ${await this.#logEnd('kube-apiserver')}`);
      // The first start makes the certificate, without which there is no asking, and the namespace last of all.
      return existsSync(this.certificate) && (await this.#answers());
    }, 60);
  }

  /** A client of its own: the other's pool of connections may hold what a killed server left. */
  async #answers(): Promise<boolean> {
    const api = connect({ kubeconfig: this.kubeconfig, userAgent: 'footfall-test-start' });
    try {
      await api.get(namespaces, { name: 'default' }, AbortSignal.timeout(5000));
      return true;
    } catch {
      return false;
    } finally {
      await api.close();
    }
  }

  /** Defined, established and served are three moments; only the last one helps. A new server, too, takes a while. */
  async #servesStreams(): Promise<void> {
    await until(() =>
      this.api.list(resources.cameraStreams, { limit: 1 }).then(
        () => true,
        () => false,
      ),
    );
  }

  #spawn(name: string, command: string, options: readonly string[]): ChildProcess {
    const log = openSync(join(this.#folder, `${name}.log`), 'w');
    const child = spawn(command, options, { stdio: ['ignore', log, log] });
    closeSync(log);
    const withParent = () => child.kill('SIGKILL');
    // A test runner ends a file that takes too long by a signal, which is no exit of its own accord. Who hears it besides
    // the children's listeners, which are gone by then, stops everything himself.
    const exit = (signal: NodeJS.Signals) => {
      if (process.listenerCount(signal) === 0) process.exit(1);
    };
    process.once('exit', withParent).once('SIGTERM', exit).once('SIGINT', exit);
    child.once('exit', () => process.removeListener('exit', withParent).removeListener('SIGTERM', exit).removeListener('SIGINT', exit));
    this.#children.set(name, child);
    return child;
  }

  async #logEnd(name: string): Promise<string> {
    return (await readFile(join(this.#folder, `${name}.log`), 'utf8')).trimEnd().split('\n').slice(-5).join('\n');
  }
}

/** In KUBEBUILDER_ASSETS, which setup-envtest prints, or on the PATH. */
function findBinary(name: string): string | undefined {
  const folder = process.env['KUBEBUILDER_ASSETS'];
  const command = folder === undefined ? name : join(folder, name);
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined ? command : undefined;
}
