/**
 * A live camera's recording: a supervised task fills the ring, independently of the uplink; readers follow the ring.
 *
 * The camera's own clock starts again with each connection. The session's does not: the first access unit of a connection
 * gets the time that has really passed, and the time between is declared as an interruption. So is the time between two
 * processes of one session, of which the second continues with the ring of the first.
 *
 * A reader that is too slow loses what the ring evicts, the oldest. One with a bounded lag skips to the newest keyframe as
 * soon as it is too far behind.
 */
import { once } from 'node:events';
import { backoffSeconds, pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { CameraFault } from '../camera/faults.ts';
import type { Camera } from '../camera/camera.ts';
import { CLOCK_JUMP_MICROS } from '../camera/pace.ts';
import type { CameraState } from '../camera/camera-state.ts';
import type { Counted, Gap, LogEntry, Recording, Start } from './recording.ts';
import type { Recovered } from './retained.ts';
import { type Group, Ring, type RingLimits } from './ring.ts';
import type { Interruption, SegmentStore } from './segments.ts';

const RECONNECT = { initialSeconds: 0.5, maximumSeconds: 15 };

export interface LiveOptions {
  readonly camera: Camera;
  readonly limits: RingLimits;
  /** Where the ring is stored, and what an earlier process left there. By default in memory, and nothing. */
  readonly segments?: SegmentStore;
  readonly recovered?: Recovered;
  /** How far a reader may be behind the camera; by default as far as the ring reaches. */
  readonly maxLagSeconds?: number | undefined;
  /** Microseconds of a clock that never goes back, 0 where the session began. */
  readonly elapsedMicros: () => number;
  /** Whether the camera is read only as fast as the ring is emptied; its pictures wait then, and none is evicted. */
  readonly waits?: boolean;
  readonly onState: (state: Readonly<CameraState>) => void;
  /** Whether this fault ends the task. */
  readonly giveUp: (fault: CameraFault, everConnected: boolean) => boolean;
  /** Between two connections. By default time passes. */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

export class LiveRecording implements Recording {
  readonly ring: Ring;
  readonly #options: LiveOptions;
  readonly #changed = new ConditionVariable();
  readonly #state: CameraState = { connected: false, units: 0, bytes: 0, connects: 0, fault: undefined };
  #number = 0;
  #newestMicros = -1;
  /** Of the camera while it sends video. */
  #remark: CameraFault | undefined;
  #ended: unknown;
  #stopped = false;
  /** Whether the source has come to its end: it gives no more, and there is nothing to connect to again. */
  #over = false;

  constructor(options: LiveOptions) {
    const { limits, segments, recovered } = options;
    this.#options = options;
    this.ring = new Ring(limits, segments, recovered?.groups);
    this.#number = recovered?.newest.number ?? 0;
    this.#newestMicros = recovered?.newest.presentationMicros ?? -1;
    this.#state.units = this.#number;
  }

  async run(signal: AbortSignal): Promise<void> {
    // Includes what an earlier process left.
    this.#report({});
    try {
      await this.#keepConnected(signal);
    } finally {
      this.#stopped = true;
      this.#changed.notify();
    }
  }

  async *read(start: Start, signal: AbortSignal): AsyncIterable<LogEntry> {
    const { counted } = start;
    let next = start.from;
    // What is counted is replayed however old it is: what follows cannot be decoded without it.
    const ahead = () => (next > counted.position ? this.#ahead(next) : undefined);
    let skippedTo: Group | undefined;
    let group = await this.#until(
      signal,
      () => (skippedTo = this.#ahead(Math.max(next, counted.position + 1))) ?? this.ring.startableFrom(next),
    );
    if (group === undefined) return;
    yield { kind: 'start', codec: group.codec };
    let { position, presentationMicros: newestMicros } = counted;
    let reason = skippedTo === undefined ? start.reason : 'PASSED_OVER';
    let begun = false;
    while (group !== undefined) {
      const lost = group.first > position + 1;
      const broken = group.first > position && group.interruption !== undefined;
      // What is counted ends at a time, not at a number: a group that is gone may have had more to count.
      const unsure = !begun && counted.presentationMicros > 0 && group.first > counted.position;
      // A gap begins where the access units ended, but this replay has not reached what is counted.
      if (group.first > next && next > start.from && next <= counted.position) return;
      if (lost || broken || unsure) {
        const gap = gapBefore(group, position, newestMicros, broken && !lost ? undefined : this.#reasonOfLoss(position, reason));
        yield { kind: 'gap', gap };
        position = Math.max(position, gap.next - 1);
        // A counter continues after the gap, too.
        newestMicros = Math.max(newestMicros, gap.toMicros - 1);
      }
      for (next = Math.max(next, group.first); ahead() === undefined; next += 1) {
        const unit = this.ring.read(group, next);
        if (unit === undefined) break;
        yield { kind: 'unit', unit };
        begun = true;
        position = Math.max(position, unit.number);
        newestMicros = Math.max(newestMicros, unit.presentationMicros);
      }
      skippedTo = ahead();
      reason = skippedTo === undefined ? 'RING_FULL' : 'PASSED_OVER';
      group = skippedTo ?? (await this.#until(signal, () => this.ring.holding(next) ?? this.ring.startableFrom(next)));
    }
    yield { kind: 'end', lastNumber: next - 1, paused: !this.#over };
  }

  get newestNumber(): number {
    return this.#number;
  }

  takenMicros(): number {
    return Math.max(this.#newestMicros, this.#options.elapsedMicros());
  }

  keyframeFor(counted: Counted): number | undefined {
    return this.ring.startableFor(counted)?.first;
  }

  release(presentationMicros: number): void {
    this.ring.release(presentationMicros);
    this.#changed.notify();
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    const { giveUp, wait = pause, random } = this.#options;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const before = this.#state.units;
      try {
        await this.#connect(signal);
        if (signal.aborted) return;
        this.#over = true;
        this.#report({ connected: false });
        this.#changed.notify();
        await once(signal, 'abort');
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof CameraFault)) throw error;
        this.#report({ connected: false, fault: error });
        if (giveUp(error, this.#number > 0)) {
          this.#ended = error;
          throw error;
        }
      }
      if (this.#state.units > before) failures = 0;
      await wait(backoffSeconds(RECONNECT, failures + 1, random()), signal);
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    this.#remark = undefined;
    let codec: Codec | undefined;
    let shiftMicros = 0;
    let previousMicros: number | undefined;
    for await (const item of this.#options.camera.read(signal)) {
      if (item.kind === 'codec') {
        codec = item.codec;
        continue;
      }
      if (item.kind === 'remark') {
        this.#remark = item.fault;
        this.#report({ fault: item.fault });
        continue;
      }
      const { unit, beginsMicros } = item;
      const jumps = previousMicros === undefined || Math.abs(unit.presentationMicros - previousMicros) > CLOCK_JUMP_MICROS;
      const broken = jumps || beginsMicros !== undefined;
      // A stream that broke continues with a keyframe: nothing before it could be decoded.
      if (broken && !unit.keyframe) continue;
      if (broken) shiftMicros = this.#beginning(beginsMicros) - unit.presentationMicros;
      // Shown before the first keyframe of the session: what these pictures refer to was never received.
      if (unit.presentationMicros + shiftMicros < 0) continue;
      while (this.#isFull()) await this.#changed.wait(signal);
      this.#append(unit, codec!, shiftMicros, broken);
      previousMicros = unit.presentationMicros;
    }
  }

  /** Half of it is filled, and there is a group that the counter will let go of. */
  #isFull(): boolean {
    const { waits, limits } = this.#options;
    if (waits !== true || this.ring.newestStartable() === this.ring.startableFrom(0)) return false;
    return this.ring.bytes > limits.bytes / 2 || this.ring.seconds > limits.seconds / 2;
  }

  #append(unit: AccessUnit, codec: Codec, shiftMicros: number, broken: boolean): void {
    const presentationMicros = unit.presentationMicros + shiftMicros;
    const interruption: Interruption | undefined =
      broken && this.#number > 0 ? { fromMicros: this.#newestMicros, toMicros: presentationMicros, reason: 'CAMERA_LOST' } : undefined;
    this.#number += 1;
    this.ring.append({ ...unit, presentationMicros, number: this.#number }, codec, interruption);
    this.#newestMicros = Math.max(this.#newestMicros, presentationMicros);
    this.#report({
      units: this.#number,
      bytes: this.#state.bytes + unit.data.length,
      ...(broken ? { connected: true, connects: this.#state.connects + 1, fault: this.#remark } : {}),
    });
    this.#changed.notify();
  }

  /** The ring evicts the oldest first: where the group before the loss is still there, the ring was not full. */
  #reasonOfLoss(position: number, reason: Gap['reason']): Gap['reason'] {
    const oldest = this.ring.startableFrom(0);
    const kept = oldest !== undefined && oldest.first <= position && this.ring.holding(position) !== undefined;
    return reason === 'RING_FULL' && kept ? 'RING_DAMAGED' : reason;
  }

  /** The newest group that a decoder can start with, when what comes next is too far behind the camera. */
  #ahead(next: number): Group | undefined {
    const { maxLagSeconds } = this.#options;
    if (maxLagSeconds === undefined) return undefined;
    const newest = this.ring.newestStartable();
    if (newest === undefined || newest.first <= next) return undefined;
    const group = this.ring.holding(next) ?? this.ring.startableFrom(next);
    const { presentationMicros } = group!.units[Math.max(0, next - group!.first)]!;
    return this.#newestMicros - presentationMicros > maxLagSeconds * 1e6 ? newest : undefined;
  }

  /** Time of the session for the first access unit of a piece, which is now unless the camera knows better: after all earlier ones. */
  #beginning(beginsMicros = this.#options.elapsedMicros()): number {
    return Math.max(this.#newestMicros + 1, beginsMicros);
  }

  #report(change: Partial<CameraState>): void {
    this.#options.onState(Object.assign(this.#state, change));
  }

  /** Undefined when the task has ended. */
  async #until(signal: AbortSignal, find: () => Group | undefined): Promise<Group | undefined> {
    for (;;) {
      const group = find();
      if (group !== undefined) return group;
      if (this.#ended !== undefined) throw this.#ended;
      if (this.#stopped || this.#over) return undefined;
      await this.#changed.wait(signal);
    }
  }
}

function gapBefore(group: Group, after: number, fromMicros: number, lost: Gap['reason'] | undefined): Gap {
  return {
    after,
    next: group.first,
    fromMicros,
    toMicros: group.units[0]!.presentationMicros,
    reason: lost ?? group.interruption!.reason,
    codec: group.codec,
  };
}
