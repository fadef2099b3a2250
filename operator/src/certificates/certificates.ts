/**
 * The counters' certificate in the operator's namespace: two Secrets, which the chart makes and leaves empty. One is
 * mounted by counters (`tls.crt`, `tls.key`, and `ca.crt`, whom to trust); the other one holds the authorities with their
 * keys and is mounted by nobody. Where somebody else makes the certificate, nothing but whom to trust is read, from a file.
 */
import { readFile } from 'node:fs/promises';
import { type ApiServer, isNotFound, type KubernetesObject, resources, type V1Secret } from '#crds/cluster/api.ts';
import type { OperatorConfig } from '../config.ts';
import { AUTHORITY_SECRET, serverNameOf } from '../objects/labels.ts';
import type { Certified } from './issuing.ts';
import { keep, readAuthorities, readAuthority, readServer, Unsound } from './renewal.ts';

/** Somebody may have changed what is there: nothing tells of it. */
const LONGEST_AGAIN_SECONDS = 300;
const SHORTEST_AGAIN_SECONDS = 1;
/** The kubelet takes about as long to bring a file up to date. */
const FILE_AGAIN_SECONDS = 60;

export interface StreamStateReporter {
  /** Whom agents are to trust, PEM; undefined when it is not known. */
  readonly authorities: string | undefined;
  /** A sentence on what somebody has to mend. */
  readonly trouble: string | undefined;
  /** A sentence when something was made anew. */
  readonly renewed: string | undefined;
  readonly againSeconds: number;
}

type Options = Pick<OperatorConfig, 'namespace' | 'tls'> & { readonly api: ApiServer; readonly now: () => number };

/** Looks, and renews what is due. @throws ApiFault for what passes by itself; a conflict is one. */
export async function lookAtCertificates(options: Options, signal: AbortSignal): Promise<StreamStateReporter> {
  const { authoritiesFile } = options.tls;
  try {
    return authoritiesFile === undefined ? await keepOwn(options, signal) : await readGiven(options, authoritiesFile);
  } catch (error) {
    if (!(error instanceof Unsound)) throw error;
    return { authorities: undefined, trouble: error.message, renewed: undefined, againSeconds: FILE_AGAIN_SECONDS };
  }
}

async function readGiven({ namespace, tls }: Options, file: string): Promise<StreamStateReporter> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const authorities = whatOf(namespace, tls.secretName, 'give it a ca.crt with whom agents are to trust', () => readAuthorities(text));
  return { authorities, trouble: undefined, renewed: undefined, againSeconds: FILE_AGAIN_SECONDS };
}

async function keepOwn({ api, namespace, tls, now }: Options, signal: AbortSignal): Promise<StreamStateReporter> {
  const secret = await read(api, namespace, AUTHORITY_SECRET, signal);
  const serving = await read(api, namespace, tls.secretName, signal);
  const held = {
    authorities: whatOf(namespace, AUTHORITY_SECRET, 'empty its data to have new ones made', () => [
      readAuthority(pairOf(secret, 'tls')),
      readAuthority(pairOf(secret, 'previous')),
    ]).filter((one) => one !== undefined),
    server: whatOf(namespace, tls.secretName, 'empty its data, or name another Secret in tls.secretName', () =>
      readServer(pairOf(serving, 'tls')),
    ),
  };
  const { authorities, server, againSeconds } = await keep(held, serverNameOf(namespace), tls, now());
  const [newest, previous] = authorities;
  const trusted = authorities.map(({ certificate }) => certificate).join('');
  // The keys first: a certificate whose authority was lost would be of no use.
  const authorityChanged = await write(api, secret, { ...filesOf(newest!, 'tls'), ...(previous && filesOf(previous, 'previous')) }, signal);
  const serverChanged = await write(api, serving, { ...filesOf(server!, 'tls'), 'ca.crt': trusted }, signal);
  const renewed = [...(authorityChanged ? ['the authority of counters'] : []), ...(serverChanged ? ['their certificate'] : [])];
  return {
    authorities: trusted,
    trouble: undefined,
    renewed: renewed.length === 0 ? undefined : `Made anew: ${renewed.join(', ')}.`,
    againSeconds: Math.min(LONGEST_AGAIN_SECONDS, Math.max(SHORTEST_AGAIN_SECONDS, againSeconds)),
  };
}

async function read(api: ApiServer, namespace: string, name: string, signal: AbortSignal): Promise<V1Secret> {
  try {
    return await api.get<V1Secret>(resources.secrets, { namespace, name }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Unsound(`Secret ${namespace}/${name} is missing: helm upgrade makes it anew.`);
  }
}

/** A compare-and-swap: whoever leads beside us, or wrote since, is not overwritten. */
async function write(api: ApiServer, secret: V1Secret, files: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean> {
  const data = Object.fromEntries(Object.entries(files).map(([file, text]) => [file, Buffer.from(text).toString('base64')]));
  const { data: there = {} } = secret;
  if (Object.keys(there).length === Object.keys(data).length && Object.entries(data).every(([file, text]) => there[file] === text))
    return false;
  await api.replace<V1Secret & KubernetesObject>(resources.secrets, { ...secret, ...KIND, data }, signal);
  return true;
}

const KIND = { apiVersion: resources.secrets.apiVersion, kind: resources.secrets.kind };

function whatOf<T>(namespace: string, name: string, todo: string, reading: () => T): T {
  try {
    return reading();
  } catch (error) {
    if (!(error instanceof Unsound)) throw error;
    throw new Unsound(`Secret ${namespace}/${name} ${error.message}: ${todo}.`);
  }
}

function pairOf({ data = {} }: V1Secret, file: string): Certified {
  const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
  return { certificate: text(`${file}.crt`), key: text(`${file}.key`) };
}

function filesOf({ certificate, key }: Certified, file: string): Record<string, string> {
  return { [`${file}.crt`]: certificate, [`${file}.key`]: key };
}
