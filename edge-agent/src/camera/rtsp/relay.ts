/**
 * Between ffmpeg and a camera: the agent connects to the camera and gives ffmpeg a port of this host that leads there and
 * nowhere else, for one connection. So ffmpeg looks up no name, and the camera's answers are filtered (see `answers.ts`).
 * For rtsps the encryption ends here.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CameraFault, forbiddenFault, unreachableFault } from '../faults.ts';
import type { Connection, Guard } from '../guard.ts';
import { AnswerFilter, ForbiddenAnswer } from './answers.ts';

export interface Relay {
  /** On 127.0.0.1, for one connection. */
  readonly port: number;
  /** Why the relay itself ended the connection; undefined when it did not. */
  readonly fault: () => CameraFault | undefined;
  close(): void;
}

/** @throws CameraFault, the signal's reason. */
export async function openRelay(url: string, guard: Guard, signal: AbortSignal): Promise<Relay> {
  const camera = await guard.connect(url, signal);
  try {
    return await relay(url, camera, signal);
  } catch (error) {
    camera.socket.destroy();
    signal.throwIfAborted();
    throw unreachableFault(url, error as NodeJS.ErrnoException);
  }
}

async function relay(url: string, { socket: camera, address }: Connection, signal: AbortSignal): Promise<Relay> {
  let fault: CameraFault | undefined;
  const listener = createServer({ pauseOnConnect: true }, (reader) => {
    listener.close();
    const answers = new AnswerFilter(address);
    const filter = new Transform({
      transform: (bytes: Buffer, _, done) => {
        try {
          done(null, answers.filter(bytes));
        } catch (error) {
          done(error as Error);
        }
      },
    });
    const end = (error: unknown) => {
      if (error instanceof ForbiddenAnswer) fault ??= forbiddenFault(url, error.message);
      camera.destroy();
      reader.destroy();
    };
    pipeline(camera, filter, reader).then(end, end);
    pipeline(reader, camera, { end: false }).catch(end);
  });
  camera.on('error', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening', { signal });
  return {
    port: (listener.address() as AddressInfo).port,
    fault: () => fault,
    close: () => {
      closeListener(listener);
      camera.destroy();
    },
  };
}

/** It closes itself with its one connection, and must not be closed twice. */
function closeListener(listener: Server): void {
  if (listener.listening) listener.close();
}
