/** Creates, changes and reads the CameraStreams of one namespace. */
import assert from 'node:assert/strict';
import { type ApiServer, isNotFound, resources, type V1Pod } from '#crds/cluster/api.ts';
import { apiVersion, type CameraStream, type Condition, kind } from '#crds/schema.ts';
import { eventually } from './eventually.ts';

/** The two lines of crds/samples/valid-one-by-one.yaml: six go in at the entrance, six out at the exit. */
export const LINES = [
  { name: 'entrance', from: { x: 570, y: 1000 }, to: { x: 320, y: 580 } },
  { name: 'exit', from: { x: 770, y: 500 }, to: { x: 770, y: 1000 } },
] as const;

/** What differs from the tests' usual stream. */
export interface StreamOptions {
  /** Path on the camera's server, as in `loop/door`. */
  readonly path?: string;
  readonly url?: string;
  readonly credentials?: string;
  readonly site?: string;
  readonly framesPerSecond?: number;
  /** How long no counter may be available before video is lost. */
  readonly bufferSeconds?: number;
}

export class Streams {
  readonly #api: ApiServer;
  readonly #namespace: string;
  readonly #signal: AbortSignal;

  constructor(api: ApiServer, namespace: string, signal: AbortSignal) {
    this.#api = api;
    this.#namespace = namespace;
    this.#signal = signal;
  }

  create(
    name: string,
    {
      path = `loop/${this.#namespace}-${name}`,
      url = cameraUrl(path),
      credentials,
      site = 'store-12',
      framesPerSecond = 2,
      bufferSeconds = 60,
    }: StreamOptions = {},
  ): Promise<CameraStream> {
    const source = { url, ...(credentials !== undefined && { credentialsSecretRef: { name: credentials } }) };
    const object = {
      apiVersion,
      kind,
      metadata: { name, namespace: this.#namespace },
      spec: { source, site, lines: LINES, detection: { framesPerSecond }, buffer: { seconds: bufferSeconds, megabytes: 32 } },
    };
    return this.#api.create<CameraStream>(resources.cameraStreams, object as unknown as CameraStream, this.#signal);
  }

  get(name: string): Promise<CameraStream> {
    return this.#api.get<CameraStream>(resources.cameraStreams, { namespace: this.#namespace, name }, this.#signal);
  }

  async list(): Promise<readonly CameraStream[]> {
    return (await this.#api.list<CameraStream>(resources.cameraStreams, { namespace: this.#namespace }, this.#signal)).items;
  }

  /** A merge patch. */
  patch(name: string, patch: object): Promise<CameraStream> {
    return this.#api.merge<CameraStream>(resources.cameraStreams, { namespace: this.#namespace, name }, patch, this.#signal);
  }

  delete(name: string): Promise<void> {
    return this.#api.delete(resources.cameraStreams, { namespace: this.#namespace, name }, this.#signal);
  }

  /** Pods of the stream's agent that are not being deleted. */
  async agentPods(name: string): Promise<readonly V1Pod[]> {
    const { items } = await this.#api.list<V1Pod>(
      resources.pods,
      { namespace: this.#namespace, labelSelector: `footfall.dev/stream=${name}` },
      this.#signal,
    );
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  /** Uids of all agents' pods by the stream's name. */
  async agentUids(): Promise<Readonly<Record<string, string>>> {
    const { items } = await this.#api.list<V1Pod>(
      resources.pods,
      { namespace: this.#namespace, labelSelector: 'app.kubernetes.io/component=edge-agent' },
      this.#signal,
    );
    return Object.fromEntries(
      items
        .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
        .map(({ metadata }) => [metadata!.labels!['footfall.dev/stream']!, metadata!.uid!]),
    );
  }

  untilReady(name: string, seconds: number): Promise<CameraStream> {
    return this.untilCondition(name, { type: 'Ready', status: 'True' }, seconds);
  }

  /** Waits until the condition has these fields. */
  untilCondition(name: string, wanted: Partial<Condition> & Pick<Condition, 'type'>, seconds: number): Promise<CameraStream> {
    const what = `${name} has ${wanted.type}=${wanted.status ?? '*'}${wanted.reason === undefined ? '' : `, ${wanted.reason}`}`;
    return eventually(
      what,
      seconds,
      async () => {
        const stream = await this.get(name);
        const found = conditionOf(stream, wanted.type);
        const seen =
          found === undefined ? `no condition ${wanted.type}` : `${found.type}=${found.status}, ${found.reason}: ${found.message}`;
        assert.ok(found !== undefined && Object.entries(wanted).every(([field, value]) => found[field as keyof Condition] === value), seen);
        return stream;
      },
      this.#signal,
    );
  }

  untilGone(name: string, seconds: number): Promise<void> {
    return eventually(
      `${name} is gone`,
      seconds,
      async () => {
        await this.get(name).then(
          () => assert.fail('it is still there'),
          (error: unknown) => {
            if (!isNotFound(error)) throw error;
          },
        );
      },
      this.#signal,
    );
  }
}

export function cameraUrl(path: string): string {
  return `rtsp://camera.cameras.svc:8554/${path}`;
}

export function conditionOf({ status }: CameraStream, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Totals by line, as in `{entrance: '6 in 0 out'}`. */
export function totalsOf({ status }: CameraStream): Readonly<Record<string, string>> {
  return Object.fromEntries((status?.counts?.lines ?? []).map((line) => [line.name, `${line.in} in ${line.out} out`]));
}
