/** Checks in the images what the documentation promises to their users. */
import { spawnSync } from 'node:child_process';
import { run } from './commands.ts';
import type { Images } from './images.ts';

interface Promised {
  readonly megabytes: number;
  /** Every executable file. */
  readonly programs: readonly string[];
  readonly variable: string;
  /** Files with licences. */
  readonly licences: readonly string[];
  /** The protocols of its ffmpeg. */
  readonly protocols?: readonly string[];
  /** A package with a library of machine code. */
  readonly native?: string;
}

const OF_ALL = ['licenses/footfall/LICENSE', 'licenses/node/LICENSE', 'licenses/debian/libc6', 'licenses/npm/zod/LICENSE'];
const OF_FFMPEG = ['licenses/ffmpeg/COPYING.LGPLv2.1', 'licenses/ffmpeg/COPYING.LGPLv3', 'licenses/ffmpeg/SOURCE'];

const PROMISED: Readonly<Record<Exclude<keyof Images, 'camera'>, Promised>> = {
  operator: { megabytes: 130, programs: ['node'], variable: 'FOOTFALL_OPERATOR', licences: OF_ALL },
  agent: {
    megabytes: 145,
    programs: ['ffmpeg', 'node'],
    variable: 'FOOTFALL_AGENT',
    licences: [...OF_ALL, ...OF_FFMPEG, 'licenses/debian/libssl3'],
    // ffmpeg's rtsp brings http, for cameras that tunnel RTSP in it; the agent never allows it.
    protocols: ['file', 'http', 'pipe', 'rtmp', 'rtp', 'srtp', 'tcp', 'tls', 'udp'],
  },
  counter: {
    megabytes: 200,
    programs: ['ffmpeg', 'node'],
    variable: 'FOOTFALL_COUNTER',
    licences: [...OF_ALL, ...OF_FFMPEG, 'app/models/rtmdet-nano-person/LICENSE'],
    protocols: ['pipe'],
    native: 'onnxruntime-node',
  },
};

/** @throws Error with a sentence for each broken promise. */
export async function checkImages(images: Images, signal: AbortSignal): Promise<void> {
  const broken = await Promise.all(
    Object.entries(PROMISED).map(([name, promised]) => brokenPromises(images[name as keyof Images], promised, signal)),
  );
  if (broken.flat().length > 0) throw new Error(broken.flat().join('\n'));
}

async function brokenPromises(
  image: string,
  { megabytes, programs, variable, licences, protocols, native }: Promised,
  signal: AbortSignal,
): Promise<string[]> {
  const [{ Size, Config }] = JSON.parse(await run('docker', ['image', 'inspect', image], { signal })) as [
    { Size: number; Config: { User: string } },
  ];
  const files = await filesIn(image, signal);
  // The container engine adds empty files where it mounts its own.
  const executables = files
    .filter(({ mode, bytes, path }) => /^-..x/.test(mode) && bytes > 0 && !/\.(so|js)\b/.test(path))
    .map(({ path }) => path.replace(/.*\//, ''));
  const missing = licences.filter((licence) => !files.some(({ path }) => path === licence));
  const unconfigured = inContainer(image);
  const sentence = `${variable} is not set: it holds the configuration as JSON.`;
  const reached = protocols === undefined ? [] : reachOf(image);
  const loaded = native === undefined ? undefined : inContainer(image, 'node', '--eval', `require('${native}')`);
  const broken: readonly (readonly [boolean, string])[] = [
    [Size > megabytes * 1e6, `has ${(Size / 1e6).toFixed(0)} MB, more than ${megabytes}`],
    [Config.User !== '65532:65532', `runs as user ${JSON.stringify(Config.User)}`],
    [executables.toSorted().join() !== programs.join(), `can execute ${executables.join(', ')}`],
    [missing.length > 0, `lacks ${missing.join(', ')}`],
    [
      unconfigured.status !== 2 || unconfigured.stderr.trim() !== sentence,
      `ends with code ${unconfigured.status} when nothing is configured, and says: ${unconfigured.stderr}`,
    ],
    [reached.join() !== (protocols ?? []).join(), `has an ffmpeg that reaches ${reached.join(', ')}`],
    [loaded !== undefined && loaded.status !== 0, `cannot load ${native}: ${loaded?.stderr}`],
  ];
  return broken.filter(([isSo]) => isSo).map(([, what]) => `${image} ${what}.`);
}

/** As `tar --list --verbose` gives them. */
async function filesIn(image: string, signal: AbortSignal): Promise<{ mode: string; bytes: number; path: string }[]> {
  const container = (await run('docker', ['create', image], { signal })).trim();
  try {
    const listed = await run('sh', ['-c', `docker export ${container} | tar --list --verbose`], { signal });
    return listed.split('\n').map((line) => {
      const [mode = '', , bytes, , , ...path] = line.split(/\s+/);
      return { mode, bytes: Number(bytes), path: path.join(' ') };
    });
  } finally {
    await run('docker', ['rm', container]);
  }
}

/** Without a network, capabilities, or a writable file system. */
function inContainer(
  image: string,
  ...options: readonly string[]
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const [entry = [], args = []] = options.length === 0 ? [] : [['--entrypoint', options[0]!], options.slice(1)];
  return spawnSync(
    'docker',
    ['run', '--rm', '--read-only', '--network=none', '--cap-drop=ALL', '--security-opt=no-new-privileges', ...entry, image, ...args],
    { encoding: 'utf8' },
  );
}

function reachOf(image: string): string[] {
  const listed = inContainer(image, 'ffmpeg', '-hide_banner', '-protocols').stdout.split('\n');
  return [...new Set(listed.filter((line) => /^ {2}\w/.test(line)).map((line) => line.trim()))].toSorted();
}
