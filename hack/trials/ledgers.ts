/** The ledgers of trials: a folder, or the status of a resource on a real API server. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { agentName } from '#crds/identity.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { CameraStreamObject } from '../../counter-service/src/ledger/entry.ts';
import { FolderLedger } from '../../counter-service/src/ledger/folder.ts';
import type { CommittedCounts } from '../../counter-service/src/ledger/ledger.ts';
import type { ControlPlane } from '../machine/control-plane.ts';
import { BreakingProxy } from '../machine/proxy.ts';
import { Certificates } from '../machine/certificates.ts';
import { type Delivered, readDelivered, receiverOf } from './events.ts';
import { FRAMES_PER_SECOND, LINES } from './film.ts';

export interface Committed {
  readonly counts: CommittedCounts | undefined;
  readonly delivered: Delivered;
}

export interface TrialLedger {
  readonly stream: StreamName;
  readonly environment: Readonly<Record<string, string>>;
  counterConfig(counter: string): object;
  /** Additional configuration of an agent, by which counters recognise it as the stream's. */
  readonly agentConfig: object;
  read(): Promise<Committed>;
  close(): Promise<void>;
}

const { cameraStreams, serviceAccounts } = resources;
const NAME = 'door';
/** Counters do not use the source: the trial configures the agent. Every other frame is enough, and half the work. */
const SPEC = { source: { url: 'rtsp://camera.example/door' }, lines: LINES, detection: { framesPerSecond: FRAMES_PER_SECOND / 2 } };

export async function folderLedger(folder: string): Promise<TrialLedger> {
  const stream = { namespace: 'default', name: NAME, uid: 'trial' };
  const manifest = join(folder, 'stream.yaml');
  const directory = join(folder, 'ledger');
  await mkdir(directory, { recursive: true });
  // JSON is YAML.
  await writeFile(
    manifest,
    JSON.stringify({ apiVersion: cameraStreams.apiVersion, kind: cameraStreams.kind, metadata: { name: NAME }, spec: SPEC }),
  );
  return {
    stream,
    environment: {},
    agentConfig: {},
    counterConfig: (counter) => ({
      local: { manifests: [manifest], ledgerDirectory: directory },
      receivers: [receiverOf(folder, counter)],
    }),
    read: async () => {
      const ledger = new FolderLedger(directory);
      const { counts } = await ledger.read(stream);
      return { counts, delivered: await readDelivered(folder) };
    },
    close: () => Promise.resolve(),
  };
}

export class StatusOfServer implements TrialLedger {
  readonly stream: StreamName;
  /** Counters call the API server through it; the methods of this class do not. */
  readonly proxy: BreakingProxy;
  readonly #plane: ControlPlane;

  readonly #certificates: Certificates;
  readonly #folder: string;

  private constructor(
    plane: ControlPlane,
    proxy: BreakingProxy,
    { certificates, folder }: { certificates: Certificates; folder: string },
    stream: StreamName,
  ) {
    this.#plane = plane;
    this.#folder = folder;
    this.proxy = proxy;
    this.#certificates = certificates;
    this.stream = stream;
  }

  /** @param folder for certificates and for the files of receivers. */
  static async at(plane: ControlPlane, folder: string): Promise<StatusOfServer> {
    const metadata = { namespace: await plane.makeNamespace(), name: NAME };
    const object = { apiVersion: cameraStreams.apiVersion, kind: cameraStreams.kind, metadata, spec: SPEC };
    const made = await plane.api.create<KubernetesObject>(cameraStreams, object);
    const account = { ...metadata, name: agentName(NAME) };
    await plane.api.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
    const certificates = await Certificates.make(join(folder, 'identity'));
    certificates.setToken(await plane.tokenOf(account.namespace, account.name));
    return new StatusOfServer(plane, await BreakingProxy.start(plane), { certificates, folder }, { ...metadata, uid: made.metadata!.uid! });
  }

  get environment(): Record<string, string> {
    return { KUBECONFIG: this.proxy.kubeconfig };
  }

  get agentConfig(): object {
    return { tls: this.#certificates.ofAgent };
  }

  counterConfig(counter: string): object {
    return {
      cluster: { counter, namespaces: [this.stream.namespace] },
      tls: this.#certificates.ofCounter,
      receivers: [receiverOf(this.#folder, counter)],
    };
  }

  /** Writes another part of the status, as the operator does: a counter that then writes with an older version gets a conflict. */
  async writeConcurrently(pod: string): Promise<void> {
    const { apiVersion, kind } = cameraStreams;
    const { namespace, name } = this.stream;
    const object = { apiVersion, kind, metadata: { namespace, name }, status: { agent: { pod } } };
    await this.#plane.api.apply(cameraStreams, object, { fieldManager: 'footfall-operator', subresource: 'status' });
  }

  async read(): Promise<Committed> {
    const { namespace, name } = this.stream;
    const { status } = await this.#plane.api.get<CameraStreamObject>(cameraStreams, { namespace, name });
    const { term: _, ...counts } = status!.counts!;
    return { counts, delivered: await readDelivered(this.#folder) };
  }

  close(): Promise<void> {
    return this.proxy.stop();
  }
}
