/** Installs Footfall by its chart, with the values that a scenario needs, and the cameras. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { V1Deployment } from '#crds/cluster/api.ts';
import { FACILITY_LABEL } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Helm } from './helm.ts';
import type { Images } from './images.ts';
import { type Kubectl, lastLogLines } from './kubectl.ts';

export const SYSTEM = 'footfall-system';
const RELEASE = 'footfall';
export const OPERATOR = 'footfall-operator';
export const POOL = 'footfall-counter';
const CHART = fileURLToPath(new URL('../../charts/footfall', import.meta.url));

/**
 * The cameras are Services. A certificate lives so short that counters which do not use the renewed one soon refuse all agents;
 * the kubelet takes up to a minute and a half to update the file. The previous version has neither value.
 */
const HERE = { cameraNetworks: ['*.cameras.svc'], tls: { certificateSeconds: 600 } };

/** Two counters for up to nine streams each: ten streams need both. */
const COUNTERS = { streamsPerCounter: 9, minimum: 2, maximum: 2 };

/** Values of the chart that differ from the tests' usual ones. */
export interface Settings {
  readonly watchNamespaces?: readonly string[];
  readonly tls?: { readonly secretName: string };
  readonly counter?: {
    readonly streamsPerCounter?: number;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly provider?: 'cuda';
    readonly gpu?: { readonly resource: string; readonly count: number };
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly extraEnv?: readonly { readonly name: string; readonly value: string }[];
  };
}

export interface Version {
  /** A folder, or a package. */
  readonly chart: string;
  readonly images: Omit<Images, 'camera'>;
}

export class Installation {
  readonly images: Images;
  /** When Helm narrowed or deleted roles that running pods used, in milliseconds since 1970. */
  readonly roleChanges: { readonly from: number; readonly to: number }[] = [];
  readonly #kubectl: Kubectl;
  readonly #helm: Helm;
  readonly #signal: AbortSignal;

  constructor({
    images,
    kubectl,
    helm,
    signal,
  }: {
    readonly images: Images;
    readonly kubectl: Kubectl;
    readonly helm: Helm;
    readonly signal: AbortSignal;
  }) {
    this.images = images;
    this.#kubectl = kubectl;
    this.#helm = helm;
    this.#signal = signal;
  }

  /** Installs cameras and Footfall, and waits for all counters. @throws Error with a sentence. */
  async bringUp(): Promise<void> {
    const cameras = await readFile(new URL('manifests/cameras.yaml', import.meta.url), 'utf8');
    await this.#kubectl.apply(cameras.replaceAll('image: footfall/e2e-camera', `image: ${this.images.camera}`));
    await this.makeNamespace();
    await this.configureAsUsual();
    await this.#kubectl(['rollout', 'status', '--namespace=cameras', 'deployment/camera', '--timeout=120s'], 150);
    await this.#findCounters();
  }

  /** In a new cluster, or after a restart of its API server, DNS can fail for minutes; no promise is about that. */
  async #findCounters(): Promise<void> {
    // There are several DNS servers, and each lookup asks one of them.
    const look = `for each in 1 2 3 4 5 6 7 8; do getent hosts ${POOL}.${SYSTEM}.svc || exit 1; done`;
    const args = ['exec', '--namespace=cameras', 'deployment/camera', '--', 'sh', '-c', look];
    await eventually('DNS at the site resolves the counters', 240, () => this.#kubectl(args), this.#signal);
  }

  makeNamespace(): Promise<void> {
    return this.#kubectl.makeNamespace(SYSTEM);
  }

  /** Restores the usual settings, and waits for all counters. */
  async configureAsUsual(): Promise<void> {
    await this.configure({});
    await this.#kubectl(['rollout', 'status', `--namespace=${SYSTEM}`, `deployment/${POOL}`, '--timeout=90s'], 120);
  }

  /** Installs or upgrades to these settings, and waits until the operator has set the pool to them. */
  async configure(settings: Settings, version: Version = { chart: CHART, images: this.images }): Promise<void> {
    const from = Date.now();
    await this.#upgrade(version, settings, ['--wait', '--timeout=100s']);
    if (settings.tls) this.roleChanges.push({ from, to: Date.now() });
    const { streamsPerCounter, minimum, maximum } = { ...COUNTERS, ...settings.counter };
    await eventually(
      `${POOL} has the new settings`,
      40,
      async () => {
        const { spec } = JSON.parse(
          await this.#kubectl(['get', `--namespace=${SYSTEM}`, `deployment/${POOL}`, '--output=json']),
        ) as V1Deployment;
        const { image, env = [], resources } = spec!.template.spec!.containers[0]!;
        const config = env.find(({ name }) => name === 'FOOTFALL_COUNTER')?.value ?? '{}';
        assert.equal(image, version.images.counter);
        assert.equal((JSON.parse(config) as { maxStreams?: number }).maxStreams, streamsPerCounter);
        assert.equal(settings.counter?.gpu === undefined, !Object.keys(resources?.limits ?? {}).some((limit) => limit.includes('/')));
        assert.ok(spec!.replicas! >= minimum && spec!.replicas! <= maximum, `${spec!.replicas} replicas, not ${minimum} to ${maximum}`);
      },
      this.#signal,
    );
  }

  /** As a user's first command: it does not wait. */
  async install(): Promise<void> {
    await this.#upgrade({ chart: CHART, images: this.images }, {}, []);
  }

  /** Waits until operator and counters are gone; the CRD, the streams and their agents stay. */
  async uninstall(): Promise<void> {
    const from = Date.now();
    await this.#helm(['uninstall', RELEASE, `--namespace=${SYSTEM}`, '--ignore-not-found', '--wait', '--timeout=100s']);
    await eventually(
      'operator and counters are gone',
      60,
      async () => {
        assert.equal(await this.#kubectl(['get', 'pods,deployments', `--namespace=${SYSTEM}`, '--output=name']), '');
      },
      this.#signal,
    );
    this.roleChanges.push({ from, to: Date.now() });
  }

  /** @returns the output of `helm test`. @throws Error when a check fails. */
  test(): Promise<string> {
    return this.#helm(['test', RELEASE, `--namespace=${SYSTEM}`, '--logs', '--timeout=150s']);
  }

  async #upgrade({ chart, images }: Version, settings: Settings, how: readonly string[]): Promise<void> {
    try {
      await this.#helm(['upgrade', '--install', RELEASE, chart, `--namespace=${SYSTEM}`, ...how], {
        ...valuesOf(images, settings),
        ...(chart === CHART && { ...HERE, ...(settings.tls && { tls: settings.tls }) }),
      });
    } catch (error) {
      const words = await lastLogLines(this.#kubectl, SYSTEM, 'app.kubernetes.io/component=operator');
      throw new Error(`${(error as Error).message} The operator says:\n${words}`, { cause: error });
    }
  }
}

/** Requests are small: all nodes share one machine. */
function valuesOf(images: Version['images'], { watchNamespaces = [], counter }: Settings): object {
  const nodeSelector = { [FACILITY_LABEL]: 'true' };
  return {
    watchNamespaces,
    operator: { image: imageOf(images.operator), nodeSelector },
    agent: { image: imageOf(images.agent), resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '512Mi' } } },
    counter: {
      image: imageOf(images.counter),
      workers: 1,
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '2Gi' } },
      nodeSelector,
      ...COUNTERS,
      ...counter,
    },
  };
}

function imageOf(name: string): { readonly repository: string; readonly tag: string } {
  const [repository = '', tag = ''] = name.split(':');
  return { repository, tag };
}
