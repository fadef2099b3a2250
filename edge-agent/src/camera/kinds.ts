/** How a source of each kind is opened. */
import { kindOf, type SourceKindName } from '#crds/source-kinds.ts';
import type { Camera, CameraSource } from './camera.ts';
import { downloadCamera } from './download/download.ts';
import { fileCamera } from './file/file.ts';
import type { Guard } from './guard.ts';
import { hlsCamera } from './hls/hls.ts';
import { httpCamera } from './http/http.ts';
import { rtmpCamera } from './rtmp/rtmp.ts';
import { rtspCamera } from './rtsp/rtsp.ts';
import { stdinCamera } from './stdin/stdin.ts';
import { usbCamera } from './usb/usb.ts';

const cameraKinds: Readonly<Record<SourceKindName, (source: CameraSource, guard: Guard) => Camera>> = {
  rtsp: rtspCamera,
  rtmp: rtmpCamera,
  download: downloadCamera,
  hls: hlsCamera,
  http: httpCamera,
  stdin: stdinCamera,
  usb: usbCamera,
  file: fileCamera,
};

export function openCamera(source: CameraSource, guard: Guard): Camera {
  return cameraKinds[kindOf(source.url)](source, guard);
}
