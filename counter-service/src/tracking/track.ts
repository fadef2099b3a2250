import type { Box } from './box.ts';

/** One person as the tracker sees them in one frame. */
export interface Track {
  /** Counts from 1 per stream and is never used again. */
  readonly id: number;
  /** Pixels of the source picture; where the person is thought to be while `matched` is false. */
  readonly box: Box;
  /** Whether a detection of this frame belongs to the track. */
  readonly matched: boolean;
  /** False while there is too little evidence that the track is a person at all. */
  readonly confirmed: boolean;
}
