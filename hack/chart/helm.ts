/** The chart as rendered by `helm` (3 or 4), which is on the PATH or in FOOTFALL_HELM. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { KubernetesObject } from '#crds/cluster/api.ts';
import { parseDocuments } from '#crds/documents.ts';
import { CHART } from './schema.ts';

const HELM = process.env['FOOTFALL_HELM'] ?? 'helm';
const CHART_PATH = fileURLToPath(CHART);
const CRD_TEMPLATES = /^---\n# Source: footfall\/templates\/\w+-crd\.yaml$/m;

const RELEASE = 'footfall';
export const NAMESPACE = 'footfall-system';

export interface Rendered {
  readonly text: string;
  readonly objects: readonly Manifest[];
}

/** An object of any kind. */
export interface Manifest extends KubernetesObject {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  /** A file of values/, without .yaml. */
  readonly values?: string;
  /** Assignments for --set. */
  readonly set?: readonly string[];
  readonly release?: string;
}

/** For `test(name, {skip: withoutHelm()}, ...)`. With FOOTFALL_REQUIRE_HELM set, a missing helm is an error. */
export function withoutHelm(): string | false {
  if (spawnSync(HELM, ['version'], { stdio: 'ignore' }).error === undefined) return false;
  if (process.env['FOOTFALL_REQUIRE_HELM'] !== undefined) throw new Error('FOOTFALL_REQUIRE_HELM is set, and helm is missing.');
  return 'needs helm on the PATH or in FOOTFALL_HELM';
}

/** As `withoutHelm`, for `notes`. */
export function withoutNotes(): string | false {
  return withoutHelm() || (helm(['version', '--short']).startsWith('v3.') && 'Helm 3 renders notes only where it reaches a cluster');
}

/** @throws Error with the output of helm. */
export function render({ release = RELEASE, ...options }: RenderOptions = {}): Rendered {
  const text = helm(['template', release, CHART_PATH, `--namespace=${NAMESPACE}`, ...valuesOf(options)]);
  const documents = parseDocuments(text);
  const fault = documents.flatMap(({ faults }) => faults)[0];
  if (fault !== undefined) throw new Error(`Line ${fault.line} of what helm renders ${fault.message}.`);
  return { text, objects: documents.map(({ value }) => value as Manifest) };
}

export function lint(options: RenderOptions): string {
  return helm(['lint', '--strict', CHART_PATH, ...valuesOf(options)]);
}

/** The notes that `helm install` prints. Needs no cluster. */
export function notes(options: RenderOptions = {}): string {
  const text = helm(['install', RELEASE, CHART_PATH, `--namespace=${NAMESPACE}`, '--dry-run=client', ...valuesOf(options)]);
  return text.slice(text.indexOf('NOTES:'));
}

/** @throws Error when no object has that kind and name. */
export function find({ objects }: Rendered, kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata?.name === name);
  if (found === undefined)
    throw new Error(`There is no ${kind} ${name} among ${objects.map((object) => `${object.kind} ${object.metadata?.name}`).join(', ')}.`);
  return found;
}

/** The text without the CRDs, which are compared with their schemas and would be most of it. */
export function withoutDefinitions(text: string): string {
  const documents = text.split(/^(?=---\n)/m);
  return documents.filter((document) => !CRD_TEMPLATES.test(document)).join('');
}

function valuesOf({ values, set = [] }: RenderOptions): string[] {
  const file = values === undefined ? [] : [`--values=${fileURLToPath(new URL(`values/${values}.yaml`, import.meta.url))}`];
  return [...file, ...set.flatMap((assignment) => ['--set', assignment])];
}

function helm(options: readonly string[]): string {
  // Without a kubeconfig: rendering must not depend on a cluster.
  const { stdout, stderr, status, error } = spawnSync(HELM, options, {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: '/dev/null' },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout;
}
