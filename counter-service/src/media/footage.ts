/**
 * One unbroken piece of a camera's video, on its way into a decoder: between two gaps, coded in one way.
 *
 * It keeps what a decoder would need to start again at the watermark (the newest frame that was counted): the access
 * units from the last keyframe at or before it. So the picture's region can change, and a decoder can die, at any
 * frame, and the frames after the watermark are the same as if nothing had happened.
 *
 * Bounded by the credit given to the agent for what is not decoded yet, by MAX_KEPT_BYTES for what became frames, and by
 * MAX_BYTES_WITHOUT_FRAME for what did not.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { type DecodedFrame, DecoderFault, type DecodeOptions, startDecoder } from './decoder.ts';

export interface NumberedUnit extends AccessUnit {
  readonly number: number;
}

export interface Passed {
  readonly units: number;
  readonly position: number;
  readonly newestMicros: number;
}

/** Access units that nobody will decode. */
export interface GivenUp {
  readonly units: number;
  /** Number of the first one after them, and its time; when none comes any more, the time of the last. */
  readonly next: number;
  readonly toMicros: number;
  readonly ended: boolean;
}

export type Picture = Omit<DecodeOptions, 'codec' | 'signal'>;

/** Ten seconds of a fast camera, of which one frame a second is asked for. */
const MAX_UNITS_WITHOUT_FRAME = 600;
/** A second of a fast 4K camera that sends JPEGs of 1.6 MB, of which one frame a second is asked for. */
const MAX_BYTES_WITHOUT_FRAME = 48 * 1024 * 1024;
/** How often the decoder's cost is looked at. */
const COST_UNITS = 50;
/** A minute of 4 Mbit/s in one group of pictures. Beyond it the start is let go, and with it the way back. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

export class Footage {
  readonly codec: Codec;
  readonly #onTaken: (unit: NumberedUnit) => void;
  readonly #changed = new ConditionVariable();
  readonly #onDecoded: (cpuMs: number) => void;
  #units: NumberedUnit[] = [];
  /** Access units written to decoders, replays among them. */
  #decoded = 0;
  #decodedAtFrame = 0;
  #bytesSinceFrame = 0;
  #keptBytes = 0;
  #newestTaken = 0;
  #newestMicros = -1;
  #ended = false;
  #rewindable = true;

  /**
   * @param onTaken called once for each access unit, when a decoder has taken it.
   * @param onDecoded told now and then what an access unit costs the decoder, in milliseconds of CPU.
   */
  constructor(codec: Codec, onTaken: (unit: NumberedUnit) => void, onDecoded: (cpuMs: number) => void) {
    this.codec = codec;
    this.#onTaken = onTaken;
    this.#onDecoded = onDecoded;
  }

  /** False once a group of pictures outgrew what is kept: a new decoder could not reach the watermark. */
  get rewindable(): boolean {
    return this.#rewindable;
  }

  /** Presentation time of the newest access unit received; -1 before the first. */
  get newestMicros(): number {
    return this.#newestMicros;
  }

  add(unit: NumberedUnit): void {
    this.#newestMicros = Math.max(this.#newestMicros, unit.presentationMicros);
    this.#units.push(unit);
    this.#keptBytes += unit.data.length;
    this.#changed.notify();
  }

  end(): void {
    this.#ended = true;
    this.#changed.notify();
  }

  /** The frames after `watermarkMicros`, until the footage ends. Throws DecoderFault when the decoder fails. */
  async *frames(picture: Picture, watermarkMicros: number, signal: AbortSignal): AsyncGenerator<DecodedFrame> {
    // A gap may follow a gap: no decoder is started for nothing.
    while (this.#units.length === 0 && !this.#ended) await this.#changed.wait(signal);
    if (this.#units.length === 0) return;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    this.#seeFrame();
    const decoder = startDecoder({ ...picture, codec: this.codec, signal: either });
    const feeding = this.#feed(decoder, either).catch((error: unknown) => {
      if (!either.aborted) over.abort(error);
    });
    let told = { units: this.#decoded, cpuMs: 0 };
    try {
      for await (const frame of decoder.frames) {
        this.#seeFrame();
        if (frame.presentationMicros > watermarkMicros) yield frame;
        else this.release(frame.presentationMicros);
        if (this.#decoded - told.units < COST_UNITS) continue;
        const cpuMs = decoder.cpuMs();
        if (cpuMs !== undefined) this.#onDecoded((cpuMs - told.cpuMs) / (this.#decoded - told.units));
        told = { units: this.#decoded, cpuMs: cpuMs ?? 0 };
      }
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await Promise.all([feeding, decoder.stop()]);
    }
  }

  /** The access units after one time and up to another: how many, their highest number, their newest time. */
  passed(afterMicros: number, upToMicros: number): Passed {
    let [units, position, newestMicros] = [0, 0, afterMicros];
    for (const unit of this.#units) {
      if (unit.presentationMicros <= afterMicros || unit.presentationMicros > upToMicros) continue;
      units += 1;
      position = Math.max(position, unit.number);
      newestMicros = Math.max(newestMicros, unit.presentationMicros);
    }
    return { units, position, newestMicros };
  }

  /** Lets go of what a decoder would not need to go on after the watermark. */
  release(watermarkMicros: number): void {
    const needed = this.#units.findLastIndex((unit) => unit.keyframe && unit.presentationMicros <= watermarkMicros);
    if (needed >= 0) this.#drop(needed);
    if (this.#keptBytes <= MAX_KEPT_BYTES) return;
    const rest = this.#units.findIndex((unit) => unit.presentationMicros > watermarkMicros || unit.number > this.#newestTaken);
    this.#drop(rest < 0 ? this.#units.length : rest);
    this.#rewindable = false;
  }

  /** Gives up the rest of the group of pictures that the watermark lies in, or the first one, and waits for the next. */
  async giveUpGroup(watermarkMicros: number, signal: AbortSignal): Promise<GivenUp> {
    let units = 0;
    for (let first = true; ; first = false) {
      const next = this.#units.findIndex(
        (unit, index) => !(first && index === 0) && unit.keyframe && unit.presentationMicros > watermarkMicros,
      );
      const given = this.#units.slice(0, next < 0 ? this.#units.length : next);
      for (const unit of given) this.#take(unit);
      units += given.filter((unit) => unit.presentationMicros > watermarkMicros).length;
      this.#drop(given.length);
      const start = this.#units[0];
      if (start !== undefined) return { units, next: start.number, toMicros: start.presentationMicros, ended: false };
      if (this.#ended) return { units, next: this.#newestTaken + 1, toMicros: this.#newestMicros, ended: true };
      await this.#changed.wait(signal);
    }
  }

  #seeFrame(): void {
    this.#decodedAtFrame = this.#decoded;
    this.#bytesSinceFrame = 0;
  }

  #drop(units: number): void {
    for (const unit of this.#units.splice(0, units)) this.#keptBytes -= unit.data.length;
    this.#rewindable ||= this.#units[0]?.keyframe === true;
  }

  /** Credit is given for it once, however often it is decoded. */
  #take(unit: NumberedUnit): void {
    if (unit.number <= this.#newestTaken) return;
    this.#newestTaken = unit.number;
    this.#onTaken(unit);
  }

  async #feed(decoder: ReturnType<typeof startDecoder>, signal: AbortSignal): Promise<void> {
    let newest = 0;
    for (;;) {
      const next = this.#units.find((unit) => unit.number > newest);
      if (next === undefined) {
        if (this.#ended) return decoder.end();
        await this.#changed.wait(signal);
        continue;
      }
      newest = next.number;
      this.#take(next);
      await decoder.write(next);
      this.#decoded += 1;
      this.#bytesSinceFrame += next.data.length;
      // A decoder may swallow anything without a word: counts that stand still for ever would look like an empty floor.
      if (this.#decoded - this.#decodedAtFrame > MAX_UNITS_WITHOUT_FRAME) {
        throw new DecoderFault(`No picture came out of ${MAX_UNITS_WITHOUT_FRAME} access units (${this.codec.fourcc}).`);
      }
      if (this.#bytesSinceFrame > MAX_BYTES_WITHOUT_FRAME) {
        throw new DecoderFault(`No picture came out of ${MAX_BYTES_WITHOUT_FRAME} bytes (${this.codec.fourcc}).`);
      }
    }
  }
}
