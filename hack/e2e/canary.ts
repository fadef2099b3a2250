/** A secret that is looked for where it must not be: in all ways in which it may be written, on the nodes and beyond. */
import { run } from './commands.ts';
import { eventually } from './eventually.ts';

export interface Place {
  readonly name: string;
  readonly content: string;
}

/** The secret as it is, as in a URL, and as in base64, whatever stands before it. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const inUrl = encodeURIComponent(secret);
  const everyByte = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const base64 = [0, 1, 2].map((before) => innerBase64(bytes, before));
  const forms = [
    secret,
    inUrl,
    inUrl.replaceAll(/%../g, (code) => code.toLowerCase()),
    everyByte,
    everyByte.toUpperCase(),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
  ];
  return [...new Set([...forms, ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))])];
}

/** What of the base64 depends on the secret alone, when so many bytes stand before it. */
function innerBase64(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const end = Math.floor(whole.length / 3) * 4;
  return whole.toString('base64').slice(before === 0 ? 0 : 4, end);
}

/** Names of the places that hold it, in whatever form. */
export function placesThatTell(secret: string, places: readonly Place[]): string[] {
  const forms = formsOf(secret);
  return places.filter(({ content }) => forms.some((form) => content.includes(form))).map(({ name }) => name);
}

/** Argument lists and environments of all that runs on a node. */
export function processesOf(node: string, signal: AbortSignal): Promise<string> {
  return onNode(
    node,
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" < $p/cmdline; tr "\\0" "\\n" < $p/environ; done 2>/dev/null; true',
    '',
    signal,
  );
}

/**
 * Files written since then that hold it, wherever pods leave some: in their volumes, but for Secrets; in their logs; in a
 * container's own file system and shared memory. A core would be there, too.
 */
export async function filesThatTell(secret: string, since: Date, node: string, signal: AbortSignal): Promise<string[]> {
  const places =
    '/var/lib/kubelet/pods /var/log/pods /var/lib/containerd/io.containerd.snapshotter.v1.*/snapshots/*/fs /run/containerd/io.containerd.grpc.v1.cri/sandboxes/*/shm';
  const files = `find ${places} -path "*kubernetes.io~secret*" -prune -o -type f -newermt @${since.getTime() / 1000} -print0 2>/dev/null`;
  const found = await onNode(
    node,
    `cat > /run/canary; ${files} | xargs -0 grep --files-with-matches --text --fixed-strings --file=/run/canary; rm /run/canary`,
    formsOf(secret).join('\n'),
    signal,
  );
  return found
    .split('\n')
    .filter(Boolean)
    .map((file) => `${node}:${file}`);
}

/** What can be written to on a disk by the processes of a container, other than what the kubelet puts into each. */
export async function writableDisks(containerId: string, node: string, signal: AbortSignal): Promise<string[]> {
  const mounts = await onNode(
    node,
    `cat /proc/$(ctr --namespace k8s.io tasks list | awk '$1 == "${containerId}" {print $2}')/mountinfo`,
    '',
    signal,
  );
  return mounts
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , , place = '', options = ''] = before.split(' ');
      const isOfDisk = !/^(tmpfs|proc|sysfs|devpts|mqueue|cgroup2?)$/.test(after.split(' ')[0]!);
      return isOfDisk && options.split(',').includes('rw') && !OF_THE_KUBELET.has(place) ? [place] : [];
    });
}

const OF_THE_KUBELET: ReadonlySet<string> = new Set(['/dev/termination-log', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf']);

/** Has what reads the camera, and knows its password, die in the way that leaves a core. */
export async function abortReader(containerId: string, node: string, signal: AbortSignal): Promise<void> {
  await onNode(
    node,
    `for p in /proc/[0-9]*; do case "$(tr "\\0" " " < $p/cmdline)" in *ffmpeg*) grep -q ${containerId} $p/cgroup && kill -ABRT "\${p#/proc/}";; esac; done 2>/dev/null; true`,
    '',
    signal,
  );
}

/** Where the kernel leaves cores: a path within the container, or after a | a program of the host. */
export async function corePattern(node: string, signal: AbortSignal): Promise<string> {
  return (await onNode(node, 'cat /proc/sys/kernel/core_pattern', '', signal)).trim();
}

/** What goes over the wire to this port while `meanwhile` is under way: the bytes of all segments, one after the other. */
export async function sentTo(port: number, node: string, meanwhile: () => Promise<unknown>, signal: AbortSignal): Promise<Buffer> {
  const file = '/run/canary.capture';
  const [AF_PACKET, SOCK_RAW, ALL_IN_NETWORK_ORDER] = [17, 3, 0x0300];
  const program = `use Socket; socket(my $s, ${AF_PACKET}, ${SOCK_RAW}, ${ALL_IN_NETWORK_ORDER}) or die $!; open(my $f, ">", "${file}");
    while (defined(recv($s, my $p, 65535, 0))) { next if length($p) < 54 || unpack("n", substr($p, 12, 2)) != 0x0800 || ord(substr($p, 23, 1)) != 6;
      my $t = 14 + (ord(substr($p, 14, 1)) & 15) * 4; next if unpack("n", substr($p, $t + 2, 2)) != ${port};
      syswrite($f, substr($p, $t + (ord(substr($p, $t + 12, 1)) >> 4) * 4)); }`;
  const stop = new AbortController();
  const capture = onNode(node, `exec timeout 300 perl -e '${program}'`, '', AbortSignal.any([signal, stop.signal]));
  capture.catch(() => {});
  try {
    await eventually('calls are captured', 30, () => onNode(node, `test -e ${file}`, '', signal), signal);
    await Promise.race([meanwhile(), capture.then(() => Promise.reject(new Error('The capture ended early.')))]);
    return Buffer.from(await onNode(node, `base64 ${file}`, '', signal), 'base64');
  } finally {
    stop.abort();
    await onNode(
      node,
      `for p in /proc/[0-9]*; do case "$(tr "\\0" " " < $p/cmdline)" in *perl\\ -e*canary.capture*) kill "\${p#/proc/}";; esac; done 2>/dev/null; rm -f ${file}`,
      '',
      signal,
    );
  }
}

function onNode(node: string, script: string, input: string, signal: AbortSignal): Promise<string> {
  return run('docker', ['exec', '--interactive', node, 'sh', '-c', script], { input, seconds: 330, signal });
}
