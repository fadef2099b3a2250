/** One person found in one picture. Coordinates are pixels of the source picture, before any scaling or cropping. */
export interface Detection {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** 0 to 1. */
  readonly score: number;
}
