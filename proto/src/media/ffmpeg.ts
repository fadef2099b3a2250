/**
 * ffmpeg as a child process: bytes in, bytes out, the end of its life and its last words. The only file that knows fluent-ffmpeg.
 *
 * The library builds the argument list and starts the child, by two methods that it keeps to itself. Its public `run()`
 * would first start ffmpeg twice more to ask for formats and encoders, hand our whole environment to the child, and read
 * its output whether or not it is wanted. The library is archived and pinned: those methods will not change.
 */
import { execFile } from 'node:child_process';
import type { ChildProcessByStdio, SpawnOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import ffmpegCommand from 'fluent-ffmpeg';
import { scrub } from '../process/scrub.ts';

export interface FfmpegJob {
  readonly inputOptions: readonly string[];
  /** `pipe:0` reads what is written to the process. It shows in the process list: no secrets. */
  readonly input: string;
  readonly outputOptions: readonly string[];
  /** Hidden from everything that ffmpeg says. */
  readonly secrets?: readonly string[];
}

export interface FfmpegExit {
  /** Undefined when it did not start, or a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Whether `stop()` ended it. */
  readonly stopped: boolean;
  /** The last lines that it said, oldest first, scrubbed. */
  readonly lastWords: readonly string[];
}

/** In words, to go into a sentence: 'it was killed (SIGKILL)', or the last error that ffmpeg named. */
export function describeExit(exit: FfmpegExit): string {
  if (exit.stopped) return 'it was stopped';
  if (exit.signal !== undefined) return `ffmpeg was killed (${exit.signal})`;
  const error = exit.lastWords.findLast((line) => /\[(error|fatal)\]|did not start/.test(line));
  return error?.replaceAll(/\[[^\]]*\] /g, '').replace(/\.$/, '') ?? `ffmpeg ended with code ${exit.code}`;
}

/** NUT for a reader that waits for each packet. Without an index, which would grow as long as the camera runs. */
export const NUT_OUTPUT: readonly string[] = ['-f', 'nut', '-write_index', '0', '-flush_packets', '1'];

/** What asks ffmpeg not to talk but of trouble, nor to read commands from its input. */
const QUIET = ['-hide_banner', '-nostats', '-nostdin', '-loglevel', 'level+warning'];

const MAX_LAST_WORDS = 40;
const MAX_WORD_LENGTH = 500;

/** For an orderly end: closing an RTSP session takes a round trip to the camera. */
const GRACE_MS = 1000;

export class Ffmpeg {
  /** Never rejects. */
  readonly exit: Promise<FfmpegExit>;
  readonly #lastWords: LastWords;
  #child: Child | undefined;
  #exited = false;
  #stopped = false;

  constructor(job: FfmpegJob) {
    this.#lastWords = new LastWords(job.secrets ?? []);
    const command = ffmpegCommand(job.input)
      .inputOptions(...QUIET, ...job.inputOptions)
      .outputOptions(...inItsWords(job.outputOptions))
      .output('pipe:1') as unknown as PrivateMethods;
    command.setFfmpegPath(ffmpegPath());
    const { promise, resolve } = Promise.withResolvers<FfmpegExit>();
    this.exit = promise;
    const ended = (error: unknown): void => {
      this.#exited = true;
      const child = this.pid === undefined ? undefined : this.#child;
      if (child === undefined && error instanceof Error) this.#lastWords.say(`ffmpeg did not start: ${error.message}`);
      this.#lastWords.hear('\n');
      resolve({
        code: child?.exitCode ?? undefined,
        signal: child?.signalCode ?? undefined,
        stopped: this.#stopped,
        lastWords: this.#lastWords.lines,
      });
    };
    try {
      command._spawnFfmpeg(
        command._getArguments(),
        { stdio: ['pipe', 'pipe', 'pipe'], env: environment(), stdoutLines: 1 },
        (child) => this.#watch(child),
        ended,
      );
    } catch (error) {
      // A child for which no pipe could be opened: the library fails over it before it learns why, with the next tick.
      setImmediate(() => this.#exited || ended(error));
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Bytes as the child writes them; to be iterated once. Unread output makes it wait. Ends with it, however it ends. */
  get output(): AsyncIterable<Buffer> {
    return readAll(this.#child?.stdout);
  }

  /** Resolves once there is room for more; to false when the child takes no more, and `exit` will say why. */
  async write(...parts: Uint8Array[]): Promise<boolean> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) return false;
    stdin.cork();
    let room = true;
    for (const part of parts) room = stdin.write(part);
    stdin.uncork();
    if (room) return true;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        stdin.off('drain', settle).off('close', settle);
        resolve();
      };
      stdin.on('drain', settle).on('close', settle);
    });
    return stdin.writable;
  }

  /** Ends the input; the child finishes what it has. */
  end(): void {
    this.#child?.stdin.end();
  }

  /** Asks the child to end, makes it end when it does not, and waits for it. */
  async stop(): Promise<FfmpegExit> {
    const child = this.#child;
    if (child === undefined || this.#exited) return this.exit;
    this.#stopped = true;
    // Without a reader, a child that waits to write sees the end at once.
    child.stdin.destroy();
    child.stdout.destroy();
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    try {
      return await this.exit;
    } finally {
      clearTimeout(force);
    }
  }

  #watch(child: Child): void {
    this.#child = child;
    // What stops the child stops its pipes too, and `exit` describes it better than EPIPE does.
    child.stdin.on('error', ignore);
    child.stdout.on('error', ignore);
    child.stderr.on('data', (text: string) => this.#lastWords.hear(text));
  }
}

export interface FfmpegProgram {
  /** As it writes it: '7.1.1-static', or 'N-112345-gabcdef' for a build from git. */
  readonly version: string;
  /** Below 5.1. */
  readonly isOld: boolean;
  /** Before 5.0, its concat demuxer took no options for what it opens, which is how cameras are read. */
  readonly readsCameras: boolean;
}

interface Release {
  /** Major version times 100, and minor. */
  readonly number: number;
  /** The version of libavcodec in it: major times 1000, and minor. Builds from git have no other number. */
  readonly libavcodec: number;
}

const CURRENT: Release = { number: 501, libavcodec: 59_037 };
const WITH_CAMERAS: Release = { number: 500, libavcodec: 59_018 };

const NEEDED = 'Footfall needs ffmpeg 5.1 or later on PATH, or its path in FFMPEG_PATH';

/** @returns the version. @throws Error with one sentence when ffmpeg is missing, or too old and FFMPEG_ALLOW_OLD is not set. */
export async function requireFfmpeg(): Promise<string> {
  const { version, isOld } = await inspectFfmpeg();
  if (isOld && !isOldAllowed()) throw new Error(`${NEEDED}: ${ffmpegPath()} is ${version}.`);
  return version;
}

/** Asks for its version the ffmpeg that would be started, or another. Throws an Error with one sentence when it is missing. */
export async function inspectFfmpeg(path = ffmpegPath()): Promise<FfmpegProgram> {
  let banner: string;
  try {
    banner = (await promisify(execFile)(path, ['-version'], { env: environment(), timeout: 10_000 })).stdout;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is none' : scrub((error as Error).message.trim());
    throw new Error(`${NEEDED}: ${path}: ${why}.`, { cause: error });
  }
  const version = /^ffmpeg version (\S+)/.exec(banner)?.[1];
  if (version === undefined) throw new Error(`${NEEDED}: ${path} is something else.`);
  const program = { version, isOld: isBefore(CURRENT, version, banner), readsCameras: !isBefore(WITH_CAMERAS, version, banner) };
  inspected.set(path, program);
  return program;
}

/** A build from git that does not name its libavcodec is taken for a new one. */
function isBefore(release: Release, version: string, banner: string): boolean {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major !== undefined) return Number(major) * 100 + Number(minor) < release.number;
  const [, libraryMajor, libraryMinor] = /^libavcodec +(\d+)\. *(\d+)\./m.exec(banner) ?? [];
  return libraryMajor !== undefined && Number(libraryMajor) * 1000 + Number(libraryMinor) < release.libavcodec;
}

/** By path: a program does not change while it is in use. */
const inspected = new Map<string, FfmpegProgram>();

/** Whether the ffmpeg that is started is below 5.1. One that was not inspected is taken for old: the next versions work, too. */
export function isOldFfmpeg(): boolean {
  return isOldAllowed() && (inspected.get(ffmpegPath())?.isOld ?? true);
}

/** ffmpeg 5.1 renamed `-vsync`. */
function inItsWords(options: readonly string[]): readonly string[] {
  return isOldFfmpeg() ? options.map((option) => (option === '-fps_mode' ? '-vsync' : option)) : options;
}

/** Local mode may have to do with the ffmpeg that npm brings, and says so to its processes. */
function isOldAllowed(): boolean {
  return process.env['FFMPEG_ALLOW_OLD'] !== undefined;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

interface PrivateMethods {
  setFfmpegPath(path: string): void;
  _getArguments(): string[];
  _spawnFfmpeg(
    args: string[],
    options: SpawnOptions & { stdoutLines: number },
    started: (child: Child) => void,
    ended: (error: unknown) => void,
  ): void;
}

function ffmpegPath(): string {
  return process.env['FFMPEG_PATH'] ?? 'ffmpeg';
}

/** Where to find the program and its libraries; nothing else of ours is its business. */
function environment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LD_LIBRARY_PATH'].filter((name) => process.env[name] !== undefined);
  return { ...Object.fromEntries(kept.map((name) => [name, process.env[name]])), AV_LOG_FORCE_NOCOLOR: '1' };
}

async function* readAll(stdout: Readable | undefined): AsyncGenerator<Buffer> {
  try {
    if (stdout !== undefined) yield* stdout as AsyncIterable<Buffer>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function ignore(): void {}

/** The last lines of what was said, each cut to a length and scrubbed. */
class LastWords {
  readonly lines: string[] = [];
  readonly #secrets: readonly string[];
  #unfinished = '';

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  hear(text: string): void {
    const lines = (this.#unfinished + text).split(/[\r\n]+/);
    this.#unfinished = (lines.pop() ?? '').slice(0, 16 * MAX_WORD_LENGTH);
    for (const line of lines) this.say(line);
  }

  say(line: string): void {
    if (line.trim() === '') return;
    // Scrubbed before it is cut: half a password would not be known for one.
    this.lines.push(scrub(line.trimEnd(), this.#secrets).slice(0, MAX_WORD_LENGTH));
    if (this.lines.length > MAX_LAST_WORDS) this.lines.shift();
  }
}
