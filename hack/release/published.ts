/** Where a release is published. The registry is named here alone; a test holds chart, Dockerfile and workflow to it. */

export const REGISTRY = 'ghcr.io/footfall-dev';

/** Charts are OCI artifacts of the same registry. */
export const CHARTS = `oci://${REGISTRY}/charts`;

export const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const;

export interface PublishedImage {
  /** The section of the chart's values that names it. */
  readonly part: 'operator' | 'agent' | 'counter';
  /** The target of hack/images/Dockerfile. */
  readonly target: string;
  readonly repository: string;
}

/** Without counter-service-gpu: it has not run on a GPU yet. */
export const images: readonly PublishedImage[] = [
  { part: 'operator', target: 'operator', repository: `${REGISTRY}/footfall-operator` },
  { part: 'agent', target: 'edge-agent', repository: `${REGISTRY}/footfall-edge-agent` },
  { part: 'counter', target: 'counter-service', repository: `${REGISTRY}/footfall-counter-service` },
];
