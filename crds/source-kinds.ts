/**
 * The kinds of video source, one row each. The checks of a spec, their twins in CEL, their sentences, and how an agent opens
 * and keeps a source follow from this table. A new kind is a row here and a row in `edge-agent/src/camera/kinds.ts`.
 */

export const transports = ['tcp', 'udp'] as const;

interface Scheme {
  /** Where the camera listens when its address names no port. */
  readonly port: number;
  readonly encrypted?: boolean;
  /** Whether the certificate is verified. */
  readonly verified?: boolean;
}

interface SourceKind {
  /** Live video goes on by itself, and a ring keeps what was read; recorded video can be read again from its start. */
  readonly live: boolean;
  /** Whether an agent in a cluster can read it; else it is for local mode. */
  readonly inCluster: boolean;
  readonly transports: readonly (typeof transports)[number][];
  /** By what its addresses begin with, before ://. Only files have none: they are file:/// or a path. */
  readonly schemes: Readonly<Record<string, Scheme>>;
  /** Of its schemes, or of what has none, only addresses that match, for JavaScript and RE2. A row without one takes what is left. */
  readonly addresses?: string;
  /** It waits while the ring is full, instead of sending what the ring must evict. */
  readonly waits?: boolean;
  /** Its video comes in pieces, or as fast as it is taken: arrival says nothing of its times. */
  readonly unpaced?: boolean;
}

const tcp = ['tcp'] as const;
const web = { http: { port: 80 }, https: { port: 443, encrypted: true, verified: true } };
/** By what the path of a recorded video ends with. */
const recordings = ['mp4', 'm4v', 'mov', 'mkv', 'webm', 'avi', 'ts', 'mts', 'm2ts', '3gp'];

const table = {
  rtsp: { live: true, inCluster: true, transports, schemes: { rtsp: { port: 554 }, rtsps: { port: 322, encrypted: true } } },
  rtmp: {
    live: true,
    inCluster: true,
    transports: tcp,
    schemes: { rtmp: { port: 1935 }, rtmps: { port: 443, encrypted: true, verified: true } },
  },
  download: {
    live: false,
    inCluster: false,
    transports: tcp,
    schemes: web,
    addresses: `^https?://[^?]*[.](?i:${recordings.join('|')})([?]|$)`,
  },
  hls: { live: true, inCluster: true, transports: tcp, schemes: web, addresses: '^https?://[^?]*[.](?i:m3u8)([?]|$)', unpaced: true },
  http: { live: true, inCluster: true, transports: tcp, schemes: web },
  stdin: { live: true, inCluster: false, transports: tcp, schemes: {}, addresses: '^(-|/dev/stdin)$', waits: true, unpaced: true },
  usb: { live: true, inCluster: false, transports: tcp, schemes: {}, addresses: '^/dev/video[0-9]+$' },
  file: { live: false, inCluster: false, transports, schemes: {} },
} satisfies Readonly<Record<string, SourceKind>>;

export type SourceKindName = keyof typeof table;

const sourceKinds: Readonly<Record<SourceKindName, SourceKind>> = table;

export interface NamedScheme extends SourceKind, Scheme {
  readonly name: string;
  readonly kind: SourceKindName;
}

const namedSchemes: readonly NamedScheme[] = Object.entries(sourceKinds).flatMap(([kind, row]) =>
  Object.entries(row.schemes).map(([name, scheme]) => ({ ...row, ...scheme, name, kind: kind as SourceKindName })),
);

/** Kinds of which an address is known without a scheme. */
const schemeless = Object.entries(sourceKinds).flatMap(([kind, { schemes, addresses, live }]) =>
  Object.keys(schemes).length === 0 && addresses !== undefined ? [{ kind: kind as SourceKindName, addresses, live }] : [],
);

/** Undefined for a file. */
export function schemeOf(url: string): NamedScheme | undefined {
  const named = namedSchemes.filter(({ name }) => url.startsWith(`${name}://`));
  return (
    named.find(({ addresses }) => addresses !== undefined && new RegExp(addresses).test(url)) ??
    named.find(({ addresses }) => addresses === undefined)
  );
}

export function kindOf(url: string): SourceKindName {
  return schemeOf(url)?.kind ?? schemeless.find(({ addresses }) => new RegExp(addresses).test(url))?.kind ?? 'file';
}

export function isLive(url: string): boolean {
  return sourceKinds[kindOf(url)].live;
}

export function waits(url: string): boolean {
  return sourceKinds[kindOf(url)].waits === true;
}

/** For JavaScript and RE2: addresses of live video that have no scheme. */
export const liveWithoutScheme = schemeless
  .filter(({ live }) => live)
  .map(({ addresses }) => addresses)
  .join('|');

export function isPaced(url: string): boolean {
  return sourceKinds[kindOf(url)].unpaced !== true;
}

export function isInCluster(url: string): boolean {
  return sourceKinds[kindOf(url)].inCluster;
}

export function schemesWhere(holds: (scheme: NamedScheme) => boolean): readonly NamedScheme[] {
  return namedSchemes.filter(holds);
}

/** For a sentence: "rtsp:// or rtsps://". @param last what else an address may begin with. */
export function beginningsOf(schemes: readonly NamedScheme[], last?: string): string {
  const beginnings = [...new Set(schemes.map(({ name }) => `${name}://`)), ...(last === undefined ? [] : [last])];
  return beginnings.join(', ').replace(/, (?=[^,]*$)/, ' or ');
}
