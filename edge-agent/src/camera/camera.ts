/** Video that is read but never decoded: what each kind of source implements, in a folder of its own. `kinds.ts` lists them. */
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import type { transports } from '#crds/source-kinds.ts';
import type { CameraFault } from './faults.ts';

export interface CameraSource {
  /** An address without credentials, or a file's path. See `credentials.ts` for what stands in braces. */
  readonly url: string;
  readonly transport: (typeof transports)[number];
  /** Holds the files `username` and `password`, or `bearerToken`; `ca.crt`. */
  readonly credentialsDirectory?: string | undefined;
  /** Takes any certificate, where certificates are verified. */
  readonly insecureSkipTLSVerify?: boolean;
  /** For what has to be kept of a source beside its video. */
  readonly directory?: string | undefined;
}

export type CameraItem =
  | { readonly kind: 'codec'; readonly codec: Codec }
  /** A live camera sends video, and there is something about it that its owner should know; undefined: no longer. */
  | { readonly kind: 'remark'; readonly fault: CameraFault | undefined }
  /** Presentation times are the camera's own: they begin anywhere, and begin again with each connection. */
  | {
      readonly kind: 'unit';
      readonly unit: AccessUnit;
      /** By the agent's clock, where the times have nothing to do with those before: when this access unit was taken. */
      readonly beginsMicros?: number;
    };

export interface Camera {
  /**
   * Connects once and reads to the end: first the codec, then access units. Throws a CameraFault, or the signal's reason; returns
   * at the end of video that has one.
   */
  read(signal: AbortSignal): AsyncIterable<CameraItem>;
  /** What was wrong with a source that could still be read to its end. */
  verdict?(): CameraFault | undefined;
}
