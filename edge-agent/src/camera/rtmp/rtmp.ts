/**
 * A live stream of an RTMP server. The agent connects, by the guard, and gives ffmpeg a port of this host that leads there and
 * nowhere else, for one connection; for rtmps the encryption ends here. Login and path reach ffmpeg on standard input, in a script.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import type { CameraAccess } from '../credentials.ts';
import { CameraFault, lostFault, pathUnknownFault, refusedFault, unauthorizedFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { ContainerReader } from '../http/container.ts';
import { readAsking } from '../http/get.ts';
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
      const listener = createServer({ pauseOnConnect: true }, (reader) => {
        listener.close();
        const end = () => [camera, reader].forEach((socket) => socket.destroy());
        pipeline(camera, reader).then(end, end);
        pipeline(reader, camera).then(end, end);
      });
      try {
        camera.on('error', () => undefined);
        listener.listen(0, '127.0.0.1');
        await once(listener, 'listening', { signal: patience.signal });
        const { port } = listener.address() as AddressInfo;
        const script = (analysis: Readonly<Record<string, number>>) => scriptFor(access, port, analysis);
        yield* container.read({ script, protocols: 'rtmp,tcp', secrets: access.secrets }, patience, SYMPTOMS);
        throw lostFault(source.url);
      } finally {
        camera.destroy();
        // It closes itself with its one connection, and must not be closed twice.
        if (listener.listening) listener.close();
      }
    },
  };
}

/** The address is the relay's, and what the server is told of it is its own. */
function scriptFor({ url, login }: CameraAccess, port: number, options: Readonly<Record<string, number>>): string {
  const { host, pathname, search } = new URL(url);
  const [, app = '', playpath = ''] = /^\/([^/]*)\/?(.*)$/s.exec(pathname) ?? [];
  const user = login === undefined ? '' : `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@`;
  const settings: Readonly<Record<string, string | number>> = {
    ...options,
    rtmp_live: 'live',
    rtmp_app: app,
    rtmp_playpath: `${playpath}${search}`,
    rtmp_tcurl: `rtmp://${host}/${app}`,
  };
  return [
    'ffconcat version 1.0',
    `file '${quotable(`rtmp://${user}127.0.0.1:${port}${pathname}${search}`)}'`,
    ...Object.entries(settings).map(([name, value]) => `option ${name} '${quotable(String(value))}'`),
    '',
  ].join('\n');
}

/** Without what would end a quoted string or the line. */
function quotable(text: string): string {
  return text.replaceAll(/['\\\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
