/**
 * An unbroken piece of a camera's video between two gaps, in one codec, on its way into a decoder.
 *
 * It keeps the access units that a new decoder needs to continue at the watermark (the newest counted frame): those from
 * the last keyframe at or before it. So the region can change, or a decoder can die, at any frame, and the frames after
 * the watermark stay the same.
 *
 * Bounds: the agent's credit for access units that are not decoded yet, MAX_KEPT_BYTES for those that became frames,
 * MAX_BYTES_WITHOUT_FRAME for those that did not.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { type DecodedFrame, DecoderFault, type DecodeOptions, startDecoder } from './decoder.ts';

export interface NumberedUnit extends AccessUnit {
  readonly number: number;
}

/** The access units between two presentation times: how many, their highest number, their newest time. */
export interface UnitSpan {
  readonly units: number;
  readonly position: number;
  readonly newestMicros: number;
}

/** Access units that are left out because every decoder dies of them. */
export interface UndecodableGroup {
  readonly units: number;
  /** Number and time of the first access unit after them; at the end of the footage, the time of the last of them. */
  readonly next: number;
  readonly toMicros: number;
  readonly ended: boolean;
}

export type Picture = Omit<DecodeOptions, 'codec' | 'signal'>;

/** Ten seconds at 60 fps: even at one frame a second, ten frames are due by then. */
const MAX_UNITS_WITHOUT_FRAME = 600;
/** One second of a 4K camera with 30 JPEGs of 1.6 MB: even at one frame a second, one frame is due by then. */
const MAX_BYTES_WITHOUT_FRAME = 48 * 1024 * 1024;
/** The decoder's CPU time is measured after each so many access units. */
const COST_UNITS = 50;
/** A minute of 4 Mbit/s in one group of pictures. Beyond it the start is dropped, and no new decoder can continue. */
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
   * @param onTaken called once for each access unit, when a decoder takes it or it is given up.
   * @param onDecoded called now and then with the CPU time of the decoder for one access unit, in milliseconds.
   */
  constructor(codec: Codec, onTaken: (unit: NumberedUnit) => void, onDecoded: (cpuMs: number) => void) {
    this.codec = codec;
    this.#onTaken = onTaken;
    this.#onDecoded = onDecoded;
  }

  /** False while a group of pictures is larger than what is kept: a new decoder could not continue at the watermark. */
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
    // A gap may follow a gap: footage without access units needs no decoder.
    while (this.#units.length === 0 && !this.#ended) await this.#changed.wait(signal);
    if (this.#units.length === 0) return;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    this.#markFrame();
    const decoder = startDecoder({ ...picture, codec: this.codec, signal: either });
    const feeding = this.#feed(decoder, either).catch((error: unknown) => {
      if (!either.aborted) over.abort(error);
    });
    let reported = { units: this.#decoded, cpuMs: 0 };
    try {
      for await (const frame of decoder.frames) {
        this.#markFrame();
        if (frame.presentationMicros > watermarkMicros) yield frame;
        else this.release(frame.presentationMicros);
        if (this.#decoded - reported.units < COST_UNITS) continue;
        const cpuMs = decoder.cpuMs();
        if (cpuMs !== undefined) this.#onDecoded((cpuMs - reported.cpuMs) / (this.#decoded - reported.units));
        reported = { units: this.#decoded, cpuMs: cpuMs ?? 0 };
      }
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await Promise.all([feeding, decoder.stop()]);
    }
  }

  /** The access units after one presentation time and up to another. */
  span(afterMicros: number, upToMicros: number): UnitSpan {
    let [units, position, newestMicros] = [0, 0, afterMicros];
    for (const unit of this.#units) {
      if (unit.presentationMicros <= afterMicros || unit.presentationMicros > upToMicros) continue;
      units += 1;
      position = Math.max(position, unit.number);
      newestMicros = Math.max(newestMicros, unit.presentationMicros);
    }
    return { units, position, newestMicros };
  }

  /** Drops the access units that no decoder needs to continue after the watermark. */
  release(watermarkMicros: number): void {
    const needed = this.#units.findLastIndex((unit) => unit.keyframe && unit.presentationMicros <= watermarkMicros);
    if (needed >= 0) this.#drop(needed);
    if (this.#keptBytes <= MAX_KEPT_BYTES) return;
    const rest = this.#units.findIndex((unit) => unit.presentationMicros > watermarkMicros || unit.number > this.#newestTaken);
    this.#drop(rest < 0 ? this.#units.length : rest);
    this.#rewindable = false;
  }

  /** Drops the rest of the watermark's group of pictures, or the first group, and waits for the next one. */
  async giveUpGroup(watermarkMicros: number, signal: AbortSignal): Promise<UndecodableGroup> {
    let units = 0;
    for (let first = true; ; first = false) {
      const next = this.#units.findIndex(
        (unit, index) => !(first && index === 0) && unit.keyframe && unit.presentationMicros > watermarkMicros,
      );
      const given = this.#units.slice(0, next < 0 ? this.#units.length : next);
      for (const unit of given) this.#markTaken(unit);
      units += given.filter((unit) => unit.presentationMicros > watermarkMicros).length;
      this.#drop(given.length);
      const start = this.#units[0];
      if (start !== undefined) return { units, next: start.number, toMicros: start.presentationMicros, ended: false };
      if (this.#ended) return { units, next: this.#newestTaken + 1, toMicros: this.#newestMicros, ended: true };
      await this.#changed.wait(signal);
    }
  }

  #markFrame(): void {
    this.#decodedAtFrame = this.#decoded;
    this.#bytesSinceFrame = 0;
  }

  #drop(units: number): void {
    for (const unit of this.#units.splice(0, units)) this.#keptBytes -= unit.data.length;
    this.#rewindable ||= this.#units[0]?.keyframe === true;
  }

  /** An access unit returns its credit once, however often it is decoded. */
  #markTaken(unit: NumberedUnit): void {
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
      this.#markTaken(next);
      await decoder.write(next);
      this.#decoded += 1;
      this.#bytesSinceFrame += next.data.length;
      // A decoder may take input for ever without a picture or a fault: the counts would look like those of an empty floor.
      if (this.#decoded - this.#decodedAtFrame > MAX_UNITS_WITHOUT_FRAME) {
        throw new DecoderFault(`No picture came out of ${MAX_UNITS_WITHOUT_FRAME} access units (${this.codec.fourcc}).`);
      }
      if (this.#bytesSinceFrame > MAX_BYTES_WITHOUT_FRAME) {
        throw new DecoderFault(`No picture came out of ${MAX_BYTES_WITHOUT_FRAME} bytes (${this.codec.fourcc}).`);
      }
    }
  }
}
