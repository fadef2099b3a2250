/** A source of video that is read but never decoded. */
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';

export type CameraItem =
  | { readonly kind: 'codec'; readonly codec: Codec }
  /** Presentation times are the camera's own: they begin anywhere and begin anew with each connect. */
  | { readonly kind: 'unit'; readonly unit: AccessUnit };

export interface Camera {
  /** Connects once and reads to the end: first the codec, then access units. Throws a CameraFault, or the signal's reason. */
  read(signal: AbortSignal): AsyncIterable<CameraItem>;
}
