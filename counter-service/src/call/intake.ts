/**
 * Sorts the agent's messages: access units into pieces of footage, everything else to its callback.
 *
 * Checks the invariants that all later steps rely on: the first access unit leaves no hole after the counted position,
 * numbers are contiguous except for declared gaps, a gap begins after the last access unit, and the agent sends no more
 * than its credit.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { codecFromMessage } from '#proto/wire/codec.ts';
import type { CodecMessage, CounterMessage, FromAgent, GapMessage } from '#proto/wire/protocol.ts';
import { Footage, type NumberedUnit } from '../media/footage.ts';
import { Refused } from '../refusal.ts';
import { validateCodec, validateGap, validateAccessUnit } from './validation.ts';
import type { CameraReport } from '../ledger/stream-state.ts';

/** What one stream may have sent and not decoded: six seconds of a camera with 10 fps, or a few of the largest pictures. */
export const WINDOW = { accessUnits: 64, bytes: 4 * 1024 * 1024 };

export interface Piece {
  /** The gap before this piece; undefined for the first piece. */
  readonly gap: GapMessage | undefined;
  readonly footage: Footage;
}

export interface IntakeOptions {
  readonly codec: CodecMessage;
  /** The access units of this session up to here are counted. */
  readonly position: number;
  readonly send: (message: CounterMessage) => Promise<void>;
  readonly onStored: (serial: number) => void;
  readonly onCamera: (camera: CameraReport) => void;
  /** The agent has sent a new token. */
  readonly onIdentity: (token: string) => void;
  readonly onUnit: (unit: NumberedUnit) => void;
  readonly onDecoded: (cpuMs: number) => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #changed = new ConditionVariable();
  readonly #pieces: Piece[] = [];
  readonly #decoded = { accessUnits: 0, bytes: 0 };
  readonly #received = { accessUnits: 0, bytes: 0 };
  #credited = { ...WINDOW };
  #codec: CodecMessage;
  #current: Footage;
  #newest: number | undefined;
  #newestMicros = -1;
  #ended = false;
  #paused = false;

  /** @throws Refused INVALID */
  constructor(options: IntakeOptions) {
    validateCodec(options.codec);
    this.#options = options;
    this.#codec = options.codec;
    this.#current = this.#begin(undefined);
  }

  /** Once the stream has ended: whether the agent stops although its source goes on. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Takes messages until the agent half-closes, the call breaks, or the signal aborts. */
  async run(messages: AsyncIterator<FromAgent>, signal: AbortSignal): Promise<void> {
    await this.#options.send({ credit: this.#credited });
    for (;;) {
      const message = await messages.next();
      if (message.done === true || signal.aborted) return;
      this.#take(message.value);
    }
  }

  /** The pieces in order; ends after the end of the stream. */
  async *pieces(signal: AbortSignal): AsyncGenerator<Piece> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) yield piece;
      else if (this.#ended) return;
      else await this.#changed.wait(signal);
    }
  }

  #take(message: FromAgent): void {
    if (this.#ended && (message.kind === 'accessUnit' || message.kind === 'gap' || message.kind === 'endOfStream')) {
      throw new Refused('INVALID', `The agent sent ${message.kind} after the end of its stream.`);
    }
    switch (message.kind) {
      case 'accessUnit':
        return this.#add({ ...message.value });
      case 'gap':
        return this.#gap(message.value);
      case 'endOfStream':
        return this.#end(message.value);
      case 'checkpointStored':
        return this.#options.onStored(message.value.serial);
      case 'camera':
        return this.#options.onCamera(message.value);
      case 'identity':
        return this.#options.onIdentity(message.value.token);
      case 'heartbeat':
        return;
      case 'hello':
      case 'resume':
        throw new Refused('INVALID', `The agent sent ${message.kind} in the middle of a stream.`);
    }
  }

  #end({ lastNumber, paused }: { lastNumber: number; paused: boolean }): void {
    if (lastNumber !== (this.#newest ?? lastNumber)) {
      throw new Refused('INVALID', `The stream ended at access unit ${lastNumber}, but ${this.#newest} was the last to come.`);
    }
    this.#ended = true;
    this.#paused = paused;
    this.#current.end();
    this.#changed.notify();
  }

  #add(unit: NumberedUnit): void {
    if (!this.#isContiguous(unit.number - 1)) {
      throw new Refused(
        'INVALID',
        `Access unit ${unit.number} came after ${this.#newest ?? this.#options.position} without a gap being declared.`,
      );
    }
    if (this.#received.accessUnits >= this.#credited.accessUnits || this.#received.bytes >= this.#credited.bytes) {
      throw new Refused('INVALID', 'The agent sent more than it was given credit for.');
    }
    validateAccessUnit(unit, this.#newestMicros);
    this.#newestMicros = Math.max(this.#newestMicros, unit.presentationMicros);
    this.#newest = unit.number;
    this.#received.accessUnits += 1;
    this.#received.bytes += unit.data.length;
    this.#options.onUnit(unit);
    this.#current.add(unit);
  }

  /** Whether the access unit after this number leaves no hole. The first one may repeat counted ones; a new session may start at any. */
  #isContiguous(after: number): boolean {
    const { position } = this.#options;
    return this.#newest === undefined ? position === 0 || after <= position : after === this.#newest;
  }

  #gap(gap: GapMessage): void {
    validateGap(gap);
    if (!this.#isContiguous(gap.after)) {
      throw new Refused(
        'INVALID',
        `A gap from ${gap.after} to ${gap.next} was declared after access unit ${this.#newest ?? this.#options.position}.`,
      );
    }
    this.#newest = gap.next - 1;
    this.#codec = gap.codec ?? this.#codec;
    this.#current.end();
    this.#current = this.#begin(gap);
    this.#changed.notify();
  }

  #begin(gap: GapMessage | undefined): Footage {
    const footage = new Footage(codecFromMessage(this.#codec), (unit) => this.#credit(unit), this.#options.onDecoded);
    this.#pieces.push({ gap, footage });
    return footage;
  }

  /** Returns credit for a decoded access unit, in steps of a quarter window so that credit costs few messages. */
  #credit(unit: NumberedUnit): void {
    this.#decoded.accessUnits += 1;
    this.#decoded.bytes += unit.data.length;
    const accessUnits = this.#decoded.accessUnits + WINDOW.accessUnits;
    const bytes = this.#decoded.bytes + WINDOW.bytes;
    const enough = accessUnits - this.#credited.accessUnits >= WINDOW.accessUnits / 4 || bytes - this.#credited.bytes >= WINDOW.bytes / 4;
    if (!enough) return;
    this.#credited = { accessUnits, bytes };
    // A broken call fails in `run`, too.
    this.#options.send({ credit: this.#credited }).catch(() => undefined);
  }
}
