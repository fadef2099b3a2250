import * as z from 'zod';
import type { Point } from '#crds/geometry.ts';

/** A line as the spec states it: thousandths of the picture. Walking from -> to, "in" ends on the right hand. */
export interface LineSpec {
  readonly name: string;
  readonly from: Point;
  readonly to: Point;
}

/** A zone as the spec states it: thousandths of the picture, at least three corners, in order. */
export interface ZoneSpec {
  readonly name: string;
  readonly polygon: readonly Point[];
}

/** The lines and zones of a camera, and the size of its picture in pixels. */
export interface Layout {
  readonly lines: readonly LineSpec[];
  readonly zones: readonly ZoneSpec[];
  readonly picture: { readonly width: number; readonly height: number };
}

/** A place in the source picture, in pixels, y down. Points of the spec are thousandths; the two are never mixed. */
export const placeSchema = z.object({ x: z.number(), y: z.number() });
export type Place = Readonly<z.infer<typeof placeSchema>>;

export function toPixels(point: Point, picture: Layout['picture']): Place {
  return { x: (point.x * picture.width) / 1000, y: (point.y * picture.height) / 1000 };
}
