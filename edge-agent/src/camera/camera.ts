/** A source of video that is read but never decoded. */
import type { AccessUnit, Codec } from '#proto/media/nut.ts';

export type CameraItem =
  | { readonly kind: 'codec'; readonly codec: Codec }
  /** Presentation times are the camera's own: they begin anywhere and begin anew with each connect. */
  | { readonly kind: 'unit'; readonly unit: AccessUnit };

export interface Camera {
  /** Connects once and reads to the end: first the codec, then access units. Throws a CameraFault, or the signal's reason. */
  read(signal: AbortSignal): AsyncIterable<CameraItem>;
}

/** The first video stream as it is, handed over access unit by access unit. */
export const COPY_TO_NUT: readonly string[] = [
  ...['-map', '0:v:0', '-c', 'copy', '-f', 'nut'],
  // An index is for files: it would grow as long as the camera runs.
  ...['-write_index', '0', '-flush_packets', '1'],
];
