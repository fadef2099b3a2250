/** MOT Challenge text, one box a line: frame,id,left,top,width,height,score,... in pixels; frames count from 1. */
import type { Detection } from '../../counter-service/src/detection/detection.ts';

/** A box of an annotation or of a detector; `id` is -1 when the person is unknown. */
export interface MotBox extends Detection {
  readonly id: number;
}

/** The boxes by frame; index 0 is frame 1, and frames without boxes are empty. */
export function readMot(text: string, frames = 0): MotBox[][] {
  const rows = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map(Number));
  const last = rows.reduce((most, [frame]) => Math.max(most, frame!), frames);
  const byFrame: MotBox[][] = Array.from({ length: last }, () => []);
  for (const [frame, id, left, top, width, height, score] of rows) {
    byFrame[frame! - 1]!.push({ id: id!, left: left!, top: top!, right: left! + width!, bottom: top! + height!, score: score! });
  }
  return byFrame;
}
