/**
 * Live video in a container without an end (MPEG-TS, FLV, Matroska, fragmented MP4): its bytes, or a script that tells ffmpeg
 * where they are.
 */
import type { FfmpegExit } from '#proto/media/ffmpeg.ts';
import { NutError } from '#proto/media/nut/nut.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { CameraItem } from './camera.ts';
import { CONCAT, demux, type DemuxJob, DROP_UNTIMED, inputOptionsOf, MAX_ALLOCATION_BYTES, type Settings } from './demux.ts';
import { CameraFault, lostFault, unreadableFault } from './faults.ts';
import type { Patience } from './patience.ts';
import { diagnose, diagnoseReader, NO_PICTURE_SIZE, NO_VIDEO, type Symptom, UNSUPPORTED_CODEC } from './symptoms.ts';

/** Live video may begin with some seconds that the server has kept; a recording is ahead of time without end. */
const MAX_AHEAD_MICROS = 60e6;

/**
 * How much video ffmpeg analyses before it hands anything over. Of MPEG-TS and FLV always all of it, so no more than is needed;
 * where no keyframe, and so no size, was in it, the next connection has more.
 */
const ANALYSIS = { leastSeconds: 1, mostSeconds: 16, factor: 4 };

export type ContainerInput =
  /** What breaks it is thrown on. */
  | { readonly body: AsyncIterable<Buffer> }
  /** A script of `concatScript`. */
  | {
      readonly script: (settings: Settings) => string;
      readonly protocols: string;
      readonly secrets: readonly string[];
    };

export class ContainerReader {
  readonly #url: string;
  #analysisSeconds = ANALYSIS.leastSeconds;

  /** @param url for sentences. */
  constructor(url: string) {
    this.#url = url;
  }

  /** For one connection. Returns at the end of the body. @throws CameraFault: the body's own, or of what is in it. */
  async *read(input: ContainerInput, patience: Patience, symptoms: readonly Symptom[] = []): AsyncGenerator<CameraItem> {
    const broken: { by?: unknown } = {};
    const items = demux(this.#job(input, broken), patience.signal);
    let aheadFrom: number | undefined;
    try {
      for (;;) {
        const next = await patience.wait(items.next());
        if (next.done === true) {
          if ('by' in broken) throw broken.by;
          const fault = patience.connected ? diagnoseReader(scrub(this.#url), next.value) : this.#openFault(symptoms, next.value);
          if (fault !== undefined) throw fault;
          return;
        }
        if (next.value.kind === 'unit') {
          patience.connected = true;
          const aheadMicros = next.value.unit.presentationMicros - performance.now() * 1000;
          aheadFrom ??= aheadMicros;
          if (aheadMicros - aheadFrom > MAX_AHEAD_MICROS) throw recordedFault(this.#url, 'comes faster than it happens');
        }
        yield next.value;
      }
    } catch (error) {
      throw brokenFault(this.#url, error, patience);
    } finally {
      await items.return(undefined as never);
    }
  }

  #job(input: ContainerInput, broken: { by?: unknown }): DemuxJob {
    const analysis = { fpsprobesize: 0, analyzeduration: this.#analysisSeconds * 1_000_000 };
    const settings = {
      ...analysis,
      fflags: '+genpts',
      ...('script' in input && CONCAT),
      protocol_whitelist: 'script' in input ? `pipe,${input.protocols}` : 'pipe',
      max_alloc: MAX_ALLOCATION_BYTES,
    };
    return {
      ...('script' in input ? { script: input.script(analysis), secrets: input.secrets } : { feed: feed(input.body, broken) }),
      inputOptions: inputOptionsOf(settings),
      input: 'pipe:0',
      filter: DROP_UNTIMED,
      fromAnywhere: true,
    };
  }

  #openFault(symptoms: readonly Symptom[], exit: FfmpegExit): CameraFault {
    const address = scrub(this.#url);
    const fault = diagnose([...symptoms, NO_VIDEO, UNSUPPORTED_CODEC, NO_PICTURE_SIZE], address, exit) ?? diagnoseReader(address, exit);
    if (fault?.reason === 'UnsupportedCodec')
      this.#analysisSeconds = Math.min(ANALYSIS.mostSeconds, this.#analysisSeconds * ANALYSIS.factor);
    return fault ?? new CameraFault('NotAVideo', `${address} is not a video that ffmpeg can read.`);
  }
}

/** What breaks it ends the feed, and is kept. */
async function* feed(body: AsyncIterable<Buffer>, broken: { by?: unknown }): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    broken.by = error;
  }
}

/** @param why half a sentence. */
export function recordedFault(url: string, why: string): CameraFault {
  const way = 'an address is read as a recording if it ends in .mp4, .mkv, .ts or the like; or download it, and name the file';
  return new CameraFault('NotLive', `${scrub(url)} is no live video (it ${why}): ${way}.`);
}

/** Of what went wrong while a body was read. */
export function brokenFault(url: string, error: unknown, { signal }: Patience): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof NutError) return unreadableFault(url, error);
  return error instanceof CameraFault ? error : lostFault(url);
}
