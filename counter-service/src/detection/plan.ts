import * as z from 'zod';
import type { Detection } from './detection.ts';
import type { ModelInput } from './manifest.ts';

const pixels = z.int().min(0).max(65_535);

export const sizeSchema = z.object({ width: pixels, height: pixels });
export type Size = Readonly<z.infer<typeof sizeSchema>>;

/** Pixels of the source picture. */
const rectangleSchema = z.object({ left: pixels, top: pixels, width: pixels, height: pixels });
export type Rectangle = Readonly<z.infer<typeof rectangleSchema>>;

/**
 * How a source picture becomes the model's input:
 *
 *   source ──crop──▶ crop ──scale──▶ picture ──pad right, bottom──▶ input
 *
 * The decoder crops and scales; the detector pads. The crop has even numbers unless it is the whole source, because
 * 4:2:0 video cannot be cut between.
 */
export const planSchema = z.object({ crop: rectangleSchema, picture: sizeSchema, input: sizeSchema });
export type Plan = Readonly<z.infer<typeof planSchema>>;

/** The whole source picture, as large as the model's largest input allows. */
export function fullPicturePlan(source: Size, input: ModelInput): Plan {
  const crop = { left: 0, top: 0, width: source.width, height: source.height };
  const box = { width: input.width, height: input.height };
  if (input.resize.fit === 'stretch') return { crop, picture: box, input: box };
  const scale = Math.min(box.width / source.width, box.height / source.height);
  const picture = { width: Math.round(source.width * scale), height: Math.round(source.height * scale) };
  return { crop, picture, input: { width: inputSide(picture.width, 'width', input), height: inputSide(picture.height, 'height', input) } };
}

function inputSide(length: number, side: 'width' | 'height', input: ModelInput): number {
  return input.multiple === undefined ? input[side] : Math.ceil(length / input.multiple) * input.multiple;
}

/** From pixels of the model's input to pixels of the source picture; what lies in the padding alone is dropped. */
export function toSource(detections: readonly Detection[], { crop, picture }: Plan): Detection[] {
  const x = (value: number): number => crop.left + (clamp(value, picture.width) * crop.width) / picture.width;
  const y = (value: number): number => crop.top + (clamp(value, picture.height) * crop.height) / picture.height;
  return detections
    .map(({ left, top, right, bottom, score }) => ({ left: x(left), top: y(top), right: x(right), bottom: y(bottom), score }))
    .filter((box) => box.right > box.left && box.bottom > box.top);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
