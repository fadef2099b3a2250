/** Searches for a secret, in all encodings, where it must not be: on the nodes, in objects, logs and traffic. */
import { run } from './commands.ts';
import { eventually } from './eventually.ts';

export interface Place {
  readonly name: string;
  readonly content: string;
}

/** The secret as it is, in a URL, in JSON, in hexadecimal digits, and in base64 at any offset. */
function formsOf(secret: string): readonly string[] {
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

/** The part of the base64 text that depends on the secret alone when so many bytes precede it. */
function innerBase64(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const end = Math.floor(whole.length / 3) * 4;
  return whole.toString('base64').slice(before === 0 ? 0 : 4, end);
}

/** Names of the places that contain the secret in any encoding. */
export function placesWithSecret(secret: string, places: readonly Place[]): string[] {
  const forms = formsOf(secret);
  return places.filter(({ content }) => forms.some((form) => content.includes(form))).map(({ name }) => name);
}

/** Arguments and environments of all processes on a node. */
export function processesOf(node: string, signal: AbortSignal): Promise<string> {
  return onNode(
    node,
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" < $p/cmdline; tr "\\0" "\\n" < $p/environ; done 2>/dev/null; true',
    '',
    signal,
  );
}

/**
 * Files of pods that contain the secret and were written since then: in volumes other than Secrets, in logs, in a container's
 * own file system (where a core dump would be) and in shared memory.
 */
export async function filesWithSecret(secret: string, since: Date, node: string, signal: AbortSignal): Promise<string[]> {
  const places =
    '/var/lib/kubelet/pods /var/log/pods /var/lib/containerd/io.containerd.snapshotter.v1.*/snapshots/*/fs ' +
    '/run/containerd/io.containerd.grpc.v1.cri/sandboxes/*/shm';
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

/** Mounts of a disk that a container can write to, except for those that the kubelet adds to each container. */
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

/** Aborts the ffmpeg that reads the camera and knows its password, so that it leaves a core dump. */
export async function abortReader(containerId: string, node: string, signal: AbortSignal): Promise<void> {
  const abort = `grep -q ${containerId} $p/cgroup && kill -ABRT "\${p#/proc/}"`;
  await onNode(node, `${forProcesses('*ffmpeg*', abort)}; true`, '', signal);
}

/** Where the kernel puts core dumps: a path within the container, or after a | a program of the host. */
export async function corePattern(node: string, signal: AbortSignal): Promise<string> {
  return (await onNode(node, 'cat /proc/sys/kernel/core_pattern', '', signal)).trim();
}

/** The payload of all TCP segments to this port during `meanwhile`. */
export async function captureTraffic(port: number, node: string, meanwhile: () => Promise<unknown>, signal: AbortSignal): Promise<Buffer> {
  const file = '/run/canary.capture';
  const [AF_PACKET, SOCK_RAW, ALL_IN_NETWORK_ORDER] = [17, 3, 0x0300];
  const program = `use Socket; socket(my $s, ${AF_PACKET}, ${SOCK_RAW}, ${ALL_IN_NETWORK_ORDER}) or die $!; open(my $f, ">", "${file}");
    while (defined(recv($s, my $p, 65535, 0))) {
      next if length($p) < 54 || unpack("n", substr($p, 12, 2)) != 0x0800 || ord(substr($p, 23, 1)) != 6;
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
    const stopCapture = forProcesses('*perl\\ -e*canary.capture*', `kill "\${p#/proc/}"`);
    await onNode(node, `${stopCapture}; rm -f ${file}`, '', signal);
  }
}

/** Shell: runs a command for each process whose command line matches the pattern; `$p` is its folder in /proc. */
function forProcesses(pattern: string, command: string): string {
  return `for p in /proc/[0-9]*; do case "$(tr "\\0" " " < $p/cmdline)" in ${pattern}) ${command};; esac; done 2>/dev/null`;
}

function onNode(node: string, script: string, input: string, signal: AbortSignal): Promise<string> {
  return run('docker', ['exec', '--interactive', node, 'sh', '-c', script], { input, seconds: 330, signal });
}
