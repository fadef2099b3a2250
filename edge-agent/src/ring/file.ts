/**
 * Recorded video: the file itself is the replay log. Numbers and times follow from its content, so a reading that starts
 * later reads from the front and skips what it does not need. Nothing is dropped; the uplink pulls.
 */
import { once } from 'node:events';
import type { Codec } from '#proto/media/nut/nut.ts';
import type { Camera } from '../camera/camera.ts';
import type { Counted, LogEntry, NumberedUnit, Recording, Start } from './recording.ts';

interface Keyframe {
  readonly number: number;
  readonly presentationMicros: number;
}

export interface FileOptions {
  readonly camera: Camera;
  /** Waits until the access unit's time has come, for a file played in real time. */
  readonly pace: (presentationMicros: number, signal: AbortSignal) => Promise<void>;
  readonly onUnit: (unit: NumberedUnit) => void;
}

export class FileRecording implements Recording {
  readonly #options: FileOptions;
  /** Of access units that were read and not released: those between two checkpoints. */
  #keyframes: Keyframe[] = [];
  readonly #stopped = new AbortController();
  #newestNumber = 0;

  constructor(options: FileOptions) {
    this.#options = options;
  }

  /** A file needs no task: `read` reads it. */
  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await once(signal, 'abort');
    this.#stopped.abort(new Error('the file is no longer read'));
  }

  async *read(start: Start, signal: AbortSignal): AsyncIterable<LogEntry> {
    const stopped = this.#stopped.signal;
    let lastNumber: number | undefined;
    try {
      for await (const entry of this.#readAll(start, AbortSignal.any([signal, stopped]))) {
        yield entry;
        lastNumber = entry.kind === 'unit' ? entry.unit.number : (lastNumber ?? 0);
      }
    } catch (error) {
      if (signal.aborted || !stopped.aborted) throw error;
      if (lastNumber !== undefined) yield { kind: 'end', lastNumber, paused: true };
    }
  }

  async *#readAll(start: Start, signal: AbortSignal): AsyncIterable<LogEntry> {
    const from = await this.#keyframeFrom(start, signal);
    let lastNumber = 0;
    for await (const item of this.#numbered(signal)) {
      if (item.kind === 'codec') {
        yield { kind: 'start', codec: item.codec };
        continue;
      }
      const { unit } = item;
      lastNumber = unit.number;
      if (unit.number < from) continue;
      if (unit.number > this.#newestNumber) await this.#admit(unit, signal);
      yield { kind: 'unit', unit };
    }
    yield { kind: 'end', lastNumber, paused: false };
  }

  /** This process may not have read what an earlier one has: then it searches the file for the keyframe. */
  async #keyframeFrom({ from, counted }: Start, signal: AbortSignal): Promise<number> {
    if (from === 1 || this.#keyframes.some(({ number }) => number === from)) return from;
    let found = 1;
    for await (const item of this.#numbered(signal)) {
      if (item.kind === 'codec') continue;
      const { number, keyframe, presentationMicros } = item.unit;
      if (number > from) break;
      if (keyframe && presentationMicros <= counted.presentationMicros) found = number;
    }
    return found;
  }

  async *#numbered(signal: AbortSignal): AsyncIterable<{ kind: 'codec'; codec: Codec } | { kind: 'unit'; unit: NumberedUnit }> {
    let number = 0;
    let originMicros = 0;
    for await (const item of this.#options.camera.read(signal)) {
      signal.throwIfAborted();
      if (item.kind === 'remark') continue;
      if (item.kind === 'codec') {
        yield item;
        continue;
      }
      number += 1;
      if (number === 1) originMicros = item.unit.presentationMicros;
      yield { kind: 'unit', unit: { ...item.unit, number, presentationMicros: item.unit.presentationMicros - originMicros } };
    }
  }

  get newestNumber(): number {
    return this.#newestNumber;
  }

  keyframeFor({ presentationMicros }: Counted): number | undefined {
    return this.#keyframes.findLast((keyframe) => keyframe.presentationMicros <= presentationMicros)?.number;
  }

  release(presentationMicros: number): void {
    const needed = this.#keyframes.findLastIndex((keyframe) => keyframe.presentationMicros <= presentationMicros);
    this.#keyframes.splice(0, Math.max(0, needed));
  }

  /** For access units that are read for the first time: a replay is not paced. */
  async #admit(unit: NumberedUnit, signal: AbortSignal): Promise<void> {
    this.#newestNumber = unit.number;
    if (unit.keyframe) this.#keyframes.push({ number: unit.number, presentationMicros: unit.presentationMicros });
    await this.#options.pace(unit.presentationMicros, signal);
    signal.throwIfAborted();
    this.#options.onUnit(unit);
  }
}
