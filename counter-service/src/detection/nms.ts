import type { Detection } from './detection.ts';

/**
 * Greedy non-maximum suppression: of boxes that overlap by more than `iou`, the best stays.
 * `detections` come best first; the order is kept, so the result is the same for the same list.
 */
export function suppress(detections: readonly Detection[], iou: number): Detection[] {
  const kept: Detection[] = [];
  for (const candidate of detections) {
    if (kept.every((better) => overlap(better, candidate) <= iou)) kept.push(candidate);
  }
  return kept;
}

/** Intersection over union, 0 to 1. */
export function overlap(a: Detection, b: Detection): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

function area(box: Detection): number {
  return (box.right - box.left) * (box.bottom - box.top);
}
