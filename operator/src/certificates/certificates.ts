/**
 * The counters' certificate, in two Secrets of the operator's namespace that the chart creates empty. Counters mount the
 * serving Secret (`tls.crt`, `tls.key`, and `ca.crt` with the trusted authorities); no pod mounts the other one, which
 * holds the authorities with their private keys. If cert-manager or the administrator provides the certificate, the
 * operator only reads the trusted authorities, from a file.
 */
import { readFile } from 'node:fs/promises';
import { type ApiServer, isNotFound, type KubernetesObject, resources, type V1Secret } from '#crds/cluster/api.ts';
import type { OperatorConfig } from '../config.ts';
import { AUTHORITY_SECRET, serverNameOf } from '../objects/labels.ts';
import type { CertifiedKey } from './issuing.ts';
import { readAuthorities, readAuthority, readServer, renew, UnusableSecret } from './renewal.ts';

/** The Secrets are not watched: a change by another client is noticed after this long. */
const LONGEST_DUE_SECONDS = 300;
const SHORTEST_DUE_SECONDS = 1;
/** The kubelet takes about as long to update a mounted file. */
const FILE_DUE_SECONDS = 60;

export interface CertificateState {
  /** The authorities that agents must trust, PEM; undefined when they are not known. */
  readonly authorities: string | undefined;
  /** What the user has to fix, in a sentence. */
  readonly trouble: string | undefined;
  /** What was issued in this pass, in a sentence. */
  readonly renewed: string | undefined;
  /** When the next pass is due. */
  readonly dueSeconds: number;
}

type Options = Pick<OperatorConfig, 'namespace' | 'tls'> & { readonly api: ApiServer; readonly now: () => number };

/** Renews what is due. @throws ApiFault for a transient fault, such as a conflict. */
export async function reconcileCertificates(options: Options, signal: AbortSignal): Promise<CertificateState> {
  const { authoritiesFile } = options.tls;
  try {
    return authoritiesFile === undefined ? await renewSecrets(options, signal) : await readAuthoritiesFile(options, authoritiesFile);
  } catch (error) {
    if (!(error instanceof UnusableSecret)) throw error;
    return { authorities: undefined, trouble: error.message, renewed: undefined, dueSeconds: FILE_DUE_SECONDS };
  }
}

async function readAuthoritiesFile({ namespace, tls }: Options, file: string): Promise<CertificateState> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const remedy = 'add a ca.crt with the certificates of the authorities that agents must trust';
  const authorities = readFrom({ namespace, name: tls.secretName, remedy }, () => readAuthorities(text));
  return { authorities, trouble: undefined, renewed: undefined, dueSeconds: FILE_DUE_SECONDS };
}

async function renewSecrets({ api, namespace, tls, now }: Options, signal: AbortSignal): Promise<CertificateState> {
  const authoritySecret = await getSecret(api, namespace, AUTHORITY_SECRET, signal);
  const servingSecret = await getSecret(api, namespace, tls.secretName, signal);
  const current = {
    authorities: readFrom({ namespace, name: AUTHORITY_SECRET, remedy: 'clear its data to have new ones issued' }, () => [
      readAuthority(certifiedKeyOf(authoritySecret, 'tls')),
      readAuthority(certifiedKeyOf(authoritySecret, 'previous')),
    ]).filter((authority) => authority !== undefined),
    server: readFrom({ namespace, name: tls.secretName, remedy: 'clear its data, or name another Secret in tls.secretName' }, () =>
      readServer(certifiedKeyOf(servingSecret, 'tls')),
    ),
  };
  const { authorities, server, dueSeconds } = await renew(current, serverNameOf(namespace), tls, now());
  const [newest, previous] = authorities;
  const trusted = authorities.map(({ certificate }) => certificate).join('');
  // The authority first: if its key were lost, the certificate that it issued would be of no use.
  const authorityFiles = { ...filesOf(newest!, 'tls'), ...(previous && filesOf(previous, 'previous')) };
  const newAuthority = await writeSecret(api, authoritySecret, authorityFiles, signal);
  const newServer = await writeSecret(api, servingSecret, { ...filesOf(server!, 'tls'), 'ca.crt': trusted }, signal);
  const renewed = [...(newAuthority ? ["the counters' certificate authority"] : []), ...(newServer ? ["the counters' certificate"] : [])];
  return {
    authorities: trusted,
    trouble: undefined,
    renewed: renewed.length === 0 ? undefined : `Renewed: ${renewed.join(', ')}.`,
    dueSeconds: Math.min(LONGEST_DUE_SECONDS, Math.max(SHORTEST_DUE_SECONDS, dueSeconds)),
  };
}

async function getSecret(api: ApiServer, namespace: string, name: string, signal: AbortSignal): Promise<V1Secret> {
  try {
    return await api.get<V1Secret>(resources.secrets, { namespace, name }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UnusableSecret(`Secret ${namespace}/${name} is missing: run helm upgrade to create it again.`);
  }
}

/** Returns whether anything changed. A compare-and-swap: a write by another client since the read is a conflict. */
async function writeSecret(
  api: ApiServer,
  secret: V1Secret,
  files: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  const data = Object.fromEntries(Object.entries(files).map(([file, text]) => [file, Buffer.from(text).toString('base64')]));
  const { data: actual = {} } = secret;
  const names = Object.keys(data);
  if (Object.keys(actual).length === names.length && names.every((name) => actual[name] === data[name])) return false;
  const { apiVersion, kind } = resources.secrets;
  await api.replace<V1Secret & KubernetesObject>(resources.secrets, { ...secret, apiVersion, kind, data }, signal);
  return true;
}

interface SecretContext {
  readonly namespace: string;
  readonly name: string;
  /** What the user can do when the Secret is unusable. */
  readonly remedy: string;
}

/** Makes a whole sentence of what `read` finds wrong. */
function readFrom<T>({ namespace, name, remedy }: SecretContext, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnusableSecret)) throw error;
    throw new UnusableSecret(`Secret ${namespace}/${name} ${error.message}: ${remedy}.`);
  }
}

function certifiedKeyOf({ data = {} }: V1Secret, file: string): CertifiedKey {
  const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
  return { certificate: text(`${file}.crt`), key: text(`${file}.key`) };
}

function filesOf({ certificate, key }: CertifiedKey, file: string): Record<string, string> {
  return { [`${file}.crt`]: certificate, [`${file}.key`]: key };
}
