/**
 * What an agent knows of its camera's video in one session: a log of numbered access units and the gaps between them,
 * read by the uplink from a place where a decoder can start.
 */
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import type { GapReason } from '#proto/wire/protocol.ts';

export interface NumberedUnit extends AccessUnit {
  /** Contiguous from 1 within the session, in decode order. */
  readonly number: number;
}

/** Unobserved time between two access units; `next - after - 1` numbered units were lost with it. */
export interface Gap {
  readonly after: number;
  readonly next: number;
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly reason: keyof typeof GapReason;
  /** In force from `next` on. */
  readonly codec: Codec;
}

export type Entry =
  /** First of all: what the access units that follow are coded in. */
  | { readonly kind: 'start'; readonly codec: Codec }
  | { readonly kind: 'unit'; readonly unit: NumberedUnit }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Paused: the source goes on, and is no longer read. */
  | { readonly kind: 'end'; readonly lastNumber: number; readonly paused: boolean };

/** Up to where frames are counted. */
export interface Counted {
  /** The newest access unit that is counted. */
  readonly position: number;
  readonly presentationMicros: number;
}

/** Where a reading starts. */
export interface Start {
  /** A keyframe's number, or any number when `keyframe` is to be looked for from there on. */
  readonly from: number;
  /** Counted up to here: a gap is declared from here to the first access unit that can still be had. */
  readonly counted: Counted;
  /** Why there is a gap, if there is one at the start. */
  readonly reason: keyof typeof GapReason;
}

export interface Recording {
  /**
   * Keeps the source going until the signal aborts, then leaves it: readings give what is still there, and end paused.
   * Throws the CameraFault that is given up on.
   */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Ends after the entry `end`, which comes at the end of a file or when the source was left. Without an access unit
   * to start with there is neither `start` nor `end`; and there is no `end` when something that is counted already was
   * lost while it was read once more: another reading does without it. Throws a CameraFault when the source cannot be
   * read.
   */
  read(start: Start, signal: AbortSignal): AsyncIterable<Entry>;
  /** The last access unit that was numbered; 0 before the first. */
  readonly newestNumber: number;
  /** Presentation time up to which access units were taken so far: none comes that began earlier. A file's are not taken as time passes. */
  takenMicros?(): number;
  /** Number of the keyframe from which a decoder reaches everything after what is counted; none when it is gone. */
  keyframeFor(counted: Counted): number | undefined;
  /** Nothing before this time will be asked for again, except what its decoding needs. */
  release(presentationMicros: number): void;
}
