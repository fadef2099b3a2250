/**
 * Decodes access units into small pictures in an ffmpeg child process, so that a crash cannot take the counter down.
 *
 *   write ─▶ NUT ─▶ [ decode ─▶ pick ─▶ crop ─▶ scale to BGR ] ─▶ NUT ─▶ frames
 *
 * A picture comes out as soon as its access unit is written (later only by the codec's own reordering), with the same
 * presentation time. The same access units always give the same pictures: which frames are picked depends on the
 * presentation times alone.
 *
 * Backpressure: while no caller reads `frames`, the child stops working and `write` does not resolve.
 */
import { describeExit, Ffmpeg, isOldFfmpeg } from '#proto/media/ffmpeg.ts';
import type { FfmpegExit } from '#proto/media/ffmpeg.ts';
import { NutError } from '#proto/media/nut/nut.ts';
import type { AccessUnit } from '#proto/media/nut/nut.ts';
import { readNut } from '#proto/media/nut/reader.ts';
import { nutFrameHead, nutHeader } from '#proto/media/nut/writer.ts';
import { DECODER_LIMITS, DecoderWatch, processState } from './decoder-watch.ts';
import { decodeJob } from './decoding.ts';
import type { DecodeOptions } from './decoding.ts';

export type { DecodeOptions };

export interface DecodedFrame {
  readonly presentationMicros: number;
  /** width x height x 3 bytes: blue, green, red. */
  readonly pixels: Buffer;
}

/** The decoder died, or cannot decode this video. */
export class DecoderFault extends Error {
  override readonly name = 'DecoderFault';
}

export function startDecoder(options: DecodeOptions): Decoder {
  return new Decoder(options);
}

export class Decoder {
  /** In presentation order, for one iteration. Throws DecoderFault or the signal's reason. Leaving the loop stops the decoder. */
  readonly frames: AsyncIterable<DecodedFrame>;
  readonly #options: DecodeOptions;
  readonly #ffmpeg: Ffmpeg;
  readonly #watch: DecoderWatch | undefined;
  #killedFor: string | undefined;
  #header: Uint8Array | undefined;
  #ended = false;

  constructor(options: DecodeOptions) {
    this.#options = options;
    this.#header = nutHeader(options.codec);
    this.#ffmpeg = new Ffmpeg(decodeJob(options));
    this.frames = this.#readFrames();
    const { pid } = this.#ffmpeg;
    if (pid !== undefined) {
      const watch = new DecoderWatch(
        pid,
        options.limits ?? DECODER_LIMITS,
        (why) => this.#kill(why),
        () => options.onUnwatchable?.(),
      );
      this.#watch = watch;
      void this.#ffmpeg.exit.then(() => watch.stop());
    }
    const { signal } = options;
    if (signal === undefined) return;
    const stop = (): void => void this.#ffmpeg.stop();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    void this.#ffmpeg.exit.then(() => signal.removeEventListener('abort', stop));
  }

  get pid(): number | undefined {
    return this.#ffmpeg.pid;
  }

  /** CPU time of the child so far, in milliseconds; undefined on systems without /proc. */
  cpuMs(): number | undefined {
    return this.pid === undefined ? undefined : processState(this.pid)?.cpuMs;
  }

  /** Resolves once there is room for more. Rejects with the same error as `frames` when the decoder is gone. */
  async write(unit: AccessUnit): Promise<void> {
    const header = this.#header === undefined ? [] : [this.#header];
    this.#header = undefined;
    this.#watch?.countInput();
    const taken = await this.#ffmpeg.write(...header, nutFrameHead(unit, isOldFfmpeg()), unit.data);
    if (!taken) throw this.#exitError(await this.#ffmpeg.exit);
  }

  /** Ends the input: the decoder returns the pictures that it still holds back, then `frames` ends. */
  end(): void {
    this.#ended = true;
    this.#watch?.countInput();
    this.#ffmpeg.end();
  }

  async stop(): Promise<void> {
    await this.#ffmpeg.stop();
  }

  async *#readFrames(): AsyncGenerator<DecodedFrame> {
    let over = false;
    try {
      this.#watch?.setReaderWaiting(true);
      const { units } = await readNut(this.#ffmpeg.output);
      for await (const { presentationMicros, data } of units) {
        this.#watch?.setReaderWaiting(false);
        yield { presentationMicros, pixels: this.#wholePicture(data) };
        this.#watch?.setReaderWaiting(true);
      }
      over = true;
    } catch (error) {
      if (!(error instanceof NutError)) throw error;
      if (error.reason !== 'truncated') throw new DecoderFault(`The decoder's output is damaged: ${error.message}.`, { cause: error });
      // The output is cut short because the decoder died: its exit below explains more.
      over = true;
    } finally {
      if (!over) await this.#ffmpeg.stop();
    }
    const exit = await this.#ffmpeg.exit;
    this.#options.signal?.throwIfAborted();
    // Without a single access unit, ffmpeg calls its input invalid.
    const nothingWritten = this.#header !== undefined && exit.signal === undefined;
    if (!this.#ended || exit.stopped || (exit.code !== 0 && !nothingWritten)) throw this.#exitError(exit);
  }

  #wholePicture(data: Uint8Array): Buffer {
    const { width, height } = this.#options;
    if (data.length !== width * height * 3)
      throw new DecoderFault(`The decoder gave a picture of ${data.length} bytes instead of ${width} x ${height} x 3.`);
    return Buffer.from(data.buffer, data.byteOffset, data.length);
  }

  /** With SIGKILL, for a hung process may ignore every other signal. */
  #kill(why: string): void {
    this.#killedFor = why;
    process.kill(this.#ffmpeg.pid!, 'SIGKILL');
  }

  #exitError(exit: FfmpegExit): unknown {
    const { signal } = this.#options;
    if (signal?.aborted === true) return signal.reason;
    // Not a DecoderFault, for the video is not the cause: the system could not start the process.
    if (this.pid === undefined) return new Error(`No decoder could be started: ${describeExit(exit)}.`);
    const why = this.#killedFor === undefined ? describeExit(exit) : `ffmpeg was killed, for ${this.#killedFor}`;
    return new DecoderFault(`The video could not be decoded: ${why}.`);
  }
}
