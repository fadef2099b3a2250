/**
 * Which addresses an agent may read a camera at. The author of a CameraStream chooses where an agent connects; without
 * a bound, they could reach everything that the agent's pod can reach.
 *
 *   never        this host, link-local with the clouds' metadata, multicast, unspecified: also when they are listed
 *   listed       cameraNetworks, by network or by name: allowed; in the cluster by name, or by a network within the cluster's
 *   otherwise    with a list, nothing else; without one, everything but the cluster's own networks and names
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { CameraNetworks } from '#crds/networks.ts';

export type { CameraNetworks };

/** Half a sentence: why an address or a name is refused. */
export type Objection = string;

const NEVER = blockList([
  // This host.
  '127.0.0.0/8',
  '0.0.0.0/8',
  '::/128',
  '::1/128',
  // Link-local, where clouds keep their metadata, and their other addresses for it: AWS, Google, Alibaba, Azure, Oracle.
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  // Multicast, broadcast and reserved.
  '224.0.0.0/4',
  '240.0.0.0/4',
  'ff00::/8',
]);

/** Networks of IPv6 whose addresses embed one of IPv4, and the byte at which it begins. */
const EMBEDDED: readonly (readonly [prefix: string, offset: number])[] = [
  ['::ffff:0:0/96', 12],
  ['::/96', 12],
  ['64:ff9b::/96', 12],
  ['64:ff9b:1::/48', 12],
  ['2002::/16', 2],
];
const EMBEDDING = EMBEDDED.map(([prefix, offset]) => ({ list: blockList([prefix]), offset }));

const CLUSTER_NAME = /(^|\.)(svc|cluster\.local)$/;
const isNetwork = (entry: string) => entry.includes('/');

/** Whether a name is in the list: then the pod's search list applies to it, else it is absolute. */
export function isListedName(host: string, { allowed }: CameraNetworks): boolean {
  const name = plainName(host);
  return allowed.some((entry) => {
    const wanted = plainName(entry);
    return wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) : name === wanted;
  });
}

/** For a check before the name is looked up. */
export function objectionToName(host: string, networks: CameraNetworks): Objection | undefined {
  if (isListedName(host, networks) || !CLUSTER_NAME.test(plainName(host))) return undefined;
  return 'names of the cluster are refused unless cameraNetworks lists them';
}

/** @param listed whether the name that it was looked up by is listed. */
export function objectionToAddress(address: string, networks: CameraNetworks, listed = false): Objection | undefined {
  const plain = embeddedAddress(address);
  if (holds(NEVER, plain)) return `${plain} is an address that no camera is read at (this host, link-local, metadata, multicast)`;
  if (listed) return undefined;
  const allowing = networks.allowed.filter((entry) => isNetwork(entry) && holds(blockList([entry]), plain));
  const ofCluster = networks.cluster.filter((network) => holds(blockList([network]), plain));
  // A wide network is listed for its cameras, not for the Services that it may contain, too.
  const closed = ofCluster.find((network) => !allowing.some((entry) => isWithin(entry, network)));
  if (closed !== undefined) {
    const way = `cameraNetworks lists the host's name or a network within ${closed}`;
    return `${plain} is an address of the cluster, which is refused unless ${way}`;
  }
  if (networks.allowed.length > 0 && allowing.length === 0) return `${plain} is in none of cameraNetworks`;
  return undefined;
}

/** For two networks that have an address in common. */
function isWithin(inner: string, outer: string): boolean {
  const [[address = '', bits], [outerAddress = '', outerBits]] = [inner.split('/'), outer.split('/')];
  return isIPv4(address) === isIPv4(outerAddress) && Number(bits) >= Number(outerBits);
}

/**
 * Adds what an agent knows of its cluster without asking: the network of the API server's Service. The size of the Services'
 * network is unknown; 256 addresses include the first Services and are never too many.
 */
export function clusterNetworks(configured: readonly string[], serviceHost: string | undefined): string[] {
  if (serviceHost === undefined || isIP(serviceHost) === 0) return [...configured];
  return [...configured, `${serviceHost}/${isIPv4(serviceHost) ? 24 : 120}`];
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The address of IPv4 that one of IPv6 embeds, or the address itself. */
function embeddedAddress(address: string): string {
  const [plain = ''] = address.split('%');
  if (isIPv4(plain)) return plain;
  if (plain === '::' || plain === '::1') return plain;
  const found = EMBEDDING.find(({ list }) => list.check(plain, 'ipv6'));
  return found === undefined ? plain : [...bytesOf(plain).subarray(found.offset, found.offset + 4)].join('.');
}

/** The 16 bytes of an address of IPv6. */
function bytesOf(address: string): Uint8Array {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [front = '', back = ''] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [before, after] = [groups(front), groups(back)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

function plainName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}
