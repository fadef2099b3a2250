/**
 * The camera's video in one session: a log of numbered access units and of the gaps between them. The uplink reads it from
 * a place where a decoder can start.
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

export type LogEntry =
  /** The first entry: the codec of the access units that follow. */
  | { readonly kind: 'start'; readonly codec: Codec }
  | { readonly kind: 'unit'; readonly unit: NumberedUnit }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Paused: the source continues, and is no longer read. */
  | { readonly kind: 'end'; readonly lastNumber: number; readonly paused: boolean };

/** How far frames are counted. */
export interface Counted {
  /** The newest access unit that is counted. */
  readonly position: number;
  readonly presentationMicros: number;
}

/** Where a reading starts. */
export interface Start {
  /** A keyframe's number, or any number: then the next keyframe from there on. */
  readonly from: number;
  /** A gap is declared from here to the first access unit that is still there. */
  readonly counted: Counted;
  /** The reason of a gap at the start, if there is one. */
  readonly reason: keyof typeof GapReason;
}

export interface Recording {
  /**
   * Reads the source until the signal aborts; after that, `read` yields what is still there, and ends paused.
   * Throws the CameraFault on which it gives up.
   */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Ends with the entry `end`, at the end of recorded video or after `run` has ended. Without an access unit to start
   * with, it yields neither `start` nor `end`. There is no `end`, either, when a replay of what is counted already lost
   * access units: another reading starts after them. Throws a CameraFault when the source cannot be read.
   */
  read(start: Start, signal: AbortSignal): AsyncIterable<LogEntry>;
  /** Of the newest access unit; 0 before the first. */
  readonly newestNumber: number;
  /** The presentation time up to which the camera's video was taken: what is later nobody has counted. Absent for recorded video. */
  takenMicros?(): number;
  /** Number of the keyframe from which a decoder reaches everything after what is counted; undefined when it is gone. */
  keyframeFor(counted: Counted): number | undefined;
  /** No reading will start before this time, except with what decoding needs. */
  release(presentationMicros: number): void;
}
