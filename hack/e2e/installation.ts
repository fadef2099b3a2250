/** Footfall and the cameras in the cluster: the CRD, plain manifests, and the operator as a scenario wants it configured. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { V1Deployment } from '#crds/cluster/api.ts';
import { FACILITY_LABEL } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Images } from './images.ts';
import type { Kubectl } from './kubectl.ts';

export const SYSTEM = 'footfall-system';
export const OPERATOR = 'footfall-operator';
export const POOL = 'footfall-counter';

/** Two counters for up to nine streams each: ten streams have to be shared out. */
const COUNTERS = { streamsPerCounter: 9, minimum: 2, maximum: 2 };

/** Fields of the operator's `counter` section that differ from the usual. */
export interface CounterSettings {
  readonly streamsPerCounter?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly gpu?: { readonly resource: string; readonly count: number };
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** Applies everything and waits until it runs. @throws Error with a sentence. */
export async function install(images: Images, kubectl: Kubectl): Promise<void> {
  await kubectl.apply(await manifest('../../crds/footfall.dev_camerastreams.yaml', images));
  await kubectl(['wait', '--for=condition=Established', 'crd/camerastreams.footfall.dev', '--timeout=30s']);
  await kubectl.apply(await manifest('manifests/footfall.yaml', images));
  await kubectl.apply(await manifest('manifests/cameras.yaml', images));
  await configureAsUsual(images, kubectl);
  await kubectl(['rollout', 'status', '--namespace=cameras', 'deployment/camera', '--timeout=120s'], 150);
}

/** The usual settings, with all counters at work. */
export async function configureAsUsual(images: Images, kubectl: Kubectl): Promise<void> {
  await configure(images, {}, kubectl);
  await kubectl(['rollout', 'status', `--namespace=${SYSTEM}`, `deployment/${POOL}`, '--timeout=90s'], 120);
}

/** Rolls the operator out with these settings, and waits until it has set the pool to them. */
export async function configure(images: Images, counter: CounterSettings, kubectl: Kubectl): Promise<void> {
  await kubectl.apply(JSON.stringify(operatorDeployment(images, counter)));
  await rollOut(kubectl);
  const { streamsPerCounter, minimum, maximum } = { ...COUNTERS, ...counter };
  await eventually(`${POOL} is as the operator was told`, 40, async () => {
    const { spec } = JSON.parse(await kubectl(['get', `--namespace=${SYSTEM}`, `deployment/${POOL}`, '--output=json'])) as V1Deployment;
    const { image, env = [], resources } = spec!.template.spec!.containers[0]!;
    const told = env.find(({ name }) => name === 'FOOTFALL_COUNTER')?.value ?? '{}';
    assert.equal(image, images.counter);
    assert.equal((JSON.parse(told) as { maxStreams?: number }).maxStreams, streamsPerCounter);
    assert.equal(counter.gpu === undefined, !Object.keys(resources?.limits ?? {}).some((limit) => limit.includes('/')));
    assert.ok(spec!.replicas! >= minimum && spec!.replicas! <= maximum, `${spec!.replicas} replicas, not ${minimum} to ${maximum}`);
  });
}

async function rollOut(kubectl: Kubectl): Promise<void> {
  try {
    await kubectl(['rollout', 'status', `--namespace=${SYSTEM}`, `deployment/${OPERATOR}`, '--timeout=90s'], 120);
  } catch (error) {
    const words = await kubectl(['logs', `--namespace=${SYSTEM}`, '--selector=app.kubernetes.io/component=operator', '--prefix', '--tail=3']).catch(String);
    throw new Error(`The operator does not come up. It says:\n${words}`, { cause: error });
  }
}

/** Manifests name images without a tag; here they get the one under test. */
async function manifest(path: string, images: Images): Promise<string> {
  const text = await readFile(new URL(path, import.meta.url), 'utf8');
  return text.replaceAll('image: footfall/e2e-camera', `image: ${images.camera}`);
}

function operatorDeployment(images: Images, counter: CounterSettings): V1Deployment {
  const labels = { 'app.kubernetes.io/name': 'footfall', 'app.kubernetes.io/component': 'operator' };
  const probe = (path: string) => ({ httpGet: { path, port: 8080 }, periodSeconds: 2, timeoutSeconds: 5 });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: OPERATOR, namespace: SYSTEM, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: OPERATOR,
          nodeSelector: { [FACILITY_LABEL]: 'true' },
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [{
            name: 'operator',
            image: images.operator,
            imagePullPolicy: 'IfNotPresent',
            env: [
              { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'FOOTFALL_OPERATOR', value: JSON.stringify(operatorConfig(images, counter)) },
            ],
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            startupProbe: { ...probe('/healthz'), periodSeconds: 1, failureThreshold: 60 },
            readinessProbe: probe('/readyz'),
            livenessProbe: { ...probe('/healthz'), periodSeconds: 10 },
            resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
          }],
        },
      },
    },
  };
}

/** `$(POD_NAME)` is filled in by the kubelet. Requests are small: all nodes share one machine. */
function operatorConfig(images: Images, counter: CounterSettings) {
  return {
    namespace: SYSTEM,
    // Its cameras are Services.
    cameraNetworks: { allowed: ['*.cameras.svc'] },
    identity: '$(POD_NAME)',
    deployment: OPERATOR,
    agent: { image: images.agent, resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '512Mi' } } },
    counter: {
      image: images.counter,
      workers: 1,
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '2Gi' } },
      nodeSelector: { [FACILITY_LABEL]: 'true' },
      ...COUNTERS,
      ...counter,
    },
  };
}
