/** Why an RTSP camera gives no (more) video. */
import type { FfmpegExit } from '#proto/media/ffmpeg.ts';
import { scrub } from '#proto/process/scrub.ts';
import { CameraFault, lostFault, pathUnknownFault, refusedFault, unauthorizedFault } from '../faults.ts';
import { diagnose, diagnoseReader, NO_PICTURE_SIZE, NO_VIDEO, type Symptom, UNSUPPORTED_CODEC } from '../symptoms.ts';

/** That ffmpeg cannot connect is none of them: the agent does, and hands ffmpeg a connection without encryption (`relay.ts`). */
const SYMPTOMS: readonly Symptom[] = [
  NO_VIDEO,
  UNSUPPORTED_CODEC,
  { said: /401 Unauthorized|403 Forbidden|authorization failed/i, fault: unauthorizedFault },
  { said: /404 (?:Stream )?Not Found/i, fault: pathUnknownFault },
  // Any other status: after 401 and 404.
  { said: /method \w+ failed: (\d{3} [^\n]*?)\s*$|Server returned (\d[^\n]*)/m, fault: refusedFault },
  NO_PICTURE_SIZE,
  {
    said: /Impossible to open|Invalid data found/,
    fault: (camera) =>
      new CameraFault('CameraUnreachable', `${camera} cannot be reached: what answers there breaks off or does not speak RTSP.`),
  },
];

/** ffmpeg could not connect, or its connection ended. @param connected whether the camera had sent video. */
export function rtspFault(url: string, exit: FfmpegExit, connected: boolean): CameraFault {
  const camera = scrub(url);
  return (connected ? undefined : diagnose(SYMPTOMS, camera, exit)) ?? diagnoseReader(camera, exit) ?? lostFault(url);
}

export function clockFault(url: string): CameraFault {
  return new CameraFault('CameraLost', `${scrub(url)} has set its clock back, or its clock stands still.`);
}

/** Not a fault, but worth knowing. */
export function severalVideosFault(url: string, videos: number): CameraFault {
  const sentence = `${scrub(url)} has ${videos} videos, of which the first is counted: name another by its own address in source.url.`;
  return new CameraFault('CameraSeveralVideos', sentence);
}
