/** An upright rectangle in pixels of the source picture, y down. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where a person stands: the middle of the box's bottom edge. */
export function footPoint(box: Box): { readonly x: number; readonly y: number } {
  return { x: (box.left + box.right) / 2, y: box.bottom };
}

/**
 * Intersection over union, each box first grown on every side by `margin` of its own width and height, 0 to 1. The
 * margin lets boxes that only just miss each other still compare: F. Yang et al., "Hard to Track Objects with
 * Irregular Motions and Similar Appearances? Make It Easier by Buffering the Matching Space" (C-BIoU), WACV 2023.
 */
export function overlap(one: Box, other: Box, margin = 0): number {
  const grow = 1 + 2 * margin;
  const width =
    Math.min(one.right + margin * (one.right - one.left), other.right + margin * (other.right - other.left)) -
    Math.max(one.left - margin * (one.right - one.left), other.left - margin * (other.right - other.left));
  const height =
    Math.min(one.bottom + margin * (one.bottom - one.top), other.bottom + margin * (other.bottom - other.top)) -
    Math.max(one.top - margin * (one.bottom - one.top), other.top - margin * (other.bottom - other.top));
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (grow * grow * (area(one) + area(other)) - shared);
}

/** How much of the smaller box lies within the other, 0 to 1. */
export function containment(one: Box, other: Box): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return width <= 0 || height <= 0 ? 0 : (width * height) / Math.min(area(one), area(other));
}

function area(box: Box): number {
  return Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);
}
