/** A point of a spec, in thousandths of the picture's width and height, 0 to 1000, y down. */
export interface Point {
  readonly x: number;
  readonly y: number;
}
