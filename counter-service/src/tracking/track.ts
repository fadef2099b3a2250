import type { Box } from './box.ts';

/** One person in one frame. */
export interface Track {
  /** Counts from 1 for each stream and is never reused. */
  readonly id: number;
  /** Pixels of the source picture; a prediction while `matched` is false. */
  readonly box: Box;
  /** Whether a detection of this frame belongs to the track. */
  readonly matched: boolean;
  /** False while there are too few detections to take the track for a person. */
  readonly confirmed: boolean;
}
