/** How the model is used for each view of a camera. It has learned people from the side; heads from above it finds less surely. */
import type { CameraStreamSpec } from '#crds/schema.ts';
import type { ModelInput } from './manifest.ts';
import type { Size } from './plan.ts';

type DetectionSpec = CameraStreamSpec['detection'];

interface ViewSettings {
  /** Unless the spec says it. */
  readonly scorePermille: number;
  /** Boxes that overlap by more are one person. The model's own suppression leaves more: at low scores, parts of people. */
  readonly mostOverlap: number;
  /** The largest input: a person straight below a camera fills much of its picture, and is found better when smaller. */
  readonly mostInput: Size;
}

const VIEWS: { readonly [view in DetectionSpec['view']]: ViewSettings } = {
  Oblique: { scorePermille: 350, mostOverlap: 0.5, mostInput: { width: Infinity, height: Infinity } },
  Above: { scorePermille: 150, mostOverlap: 0.3, mostInput: { width: 448, height: 384 } },
};

/** The lowest score of a sure detection, 0 to 1. */
export function scoreOf({ view, scorePermille }: Pick<DetectionSpec, 'view' | 'scorePermille'>): number {
  return (scorePermille ?? VIEWS[view].scorePermille) / 1000;
}

export function mostOverlapOf({ view }: Pick<DetectionSpec, 'view'>): number {
  return VIEWS[view].mostOverlap;
}

/** The model's input for the view. A model of one size has that one. */
export function inputFor({ view }: Pick<DetectionSpec, 'view'>, input: ModelInput): ModelInput {
  const { multiple } = input;
  if (multiple === undefined) return input;
  const { mostInput } = VIEWS[view];
  const most = (side: 'width' | 'height') => Math.min(input[side], Math.max(multiple, Math.floor(mostInput[side] / multiple) * multiple));
  return { ...input, width: most('width'), height: most('height') };
}
