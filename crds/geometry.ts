/** A point of a spec, in thousandths (0 to 1000) of the frame's width and height, y down. */
export interface Point {
  readonly x: number;
  readonly y: number;
}
