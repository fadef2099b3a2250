/**
 * A live stream of an RTMP server. The agent connects, by the guard, and gives ffmpeg a port of this host that leads there and
 * nowhere else, for one connection; for rtmps the encryption ends here. Login and path reach ffmpeg on standard input, in a script.
 */
import { pipeline } from 'node:stream/promises';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { ContainerReader } from '../container.ts';
import { type CameraAccess, readAsking } from '../credentials.ts';
import { concatScript, type Settings } from '../demux.ts';
import { CameraFault, lostFault, pathUnknownFault, refusedFault, unauthorizedFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { openLocalPort } from '../local-port.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import type { Symptom } from '../symptoms.ts';

const SYMPTOMS: readonly Symptom[] = [
  { said: /Server error: [^\n]*(?:auth|denied|credential)/i, fault: unauthorizedFault },
  { said: /Server error: [^\n]*(?:not ?found|no one is publishing|no stream)|StreamNotFound/i, fault: pathUnknownFault },
  { said: /Server error: ([^\n]*)/, fault: refusedFault },
  {
    said: /Impossible to open|Input\/output error|Invalid data found|handshake/i,
    fault: (camera) =>
      new CameraFault('CameraRefused', `${camera}: the server ends the connection (no such stream, a wrong login, or no RTMP).`),
  },
];

export function rtmpCamera(source: CameraSource, guard: Guard, options: PatienceOptions = {}): Camera {
  const container = new ContainerReader(source.url);
  return {
    async *read(signal): AsyncGenerator<CameraItem> {
      const patience = new Patience(source.url, options, signal);
      const { access, trust } = await readAsking(source);
      const { socket: camera } = await patience.wait(guard.connect(source.url, patience.signal, trust));
      camera.on('error', () => undefined);
      try {
        const local = await openLocalPort(patience.signal);
        void local.reader.then((reader) => {
          const end = () => [camera, reader].forEach((socket) => socket.destroy());
          pipeline(camera, reader).then(end, end);
          pipeline(reader, camera).then(end, end);
        });
        try {
          const script = (analysis: Settings) => scriptFor(access, local.port, analysis);
          yield* container.read({ script, protocols: 'rtmp,tcp', secrets: access.secrets }, patience, SYMPTOMS);
          throw lostFault(source.url);
        } finally {
          local.close();
        }
      } finally {
        camera.destroy();
      }
    },
  };
}

/** The address is the relay's, and what the server is told of it is its own. */
function scriptFor({ url, login }: CameraAccess, port: number, analysis: Settings): string {
  const { host, pathname, search } = new URL(url);
  const [, app = '', playpath = ''] = /^\/([^/]*)\/?(.*)$/s.exec(pathname) ?? [];
  const user = login === undefined ? '' : `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@`;
  return concatScript(`rtmp://${user}127.0.0.1:${port}${pathname}${search}`, {
    ...analysis,
    rtmp_live: 'live',
    rtmp_app: app,
    rtmp_playpath: `${playpath}${search}`,
    rtmp_tcurl: `rtmp://${host}/${app}`,
  });
}
