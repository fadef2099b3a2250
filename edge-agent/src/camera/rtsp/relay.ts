/**
 * Between ffmpeg and a camera: the agent connects to the camera and gives ffmpeg a port of this host that leads there and
 * nowhere else, for one connection. So ffmpeg looks up no name, the camera's answers are filtered (`answers.ts`), and the camera
 * is asked by its own address and with its login (`conversation.ts`). For rtsps the encryption ends here.
 */
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CameraAccess } from '../credentials.ts';
import { type CameraFault, forbiddenFault, loginFault, unreachableFault } from '../faults.ts';
import type { Connection, Guard } from '../guard.ts';
import { openLocalPort } from '../local-port.ts';
import { AnswerFilter, ForbiddenAnswer } from './answers.ts';
import { Conversation } from './conversation.ts';
import { RequestSplitter } from './requests.ts';

export interface Relay {
  /** What ffmpeg opens: on 127.0.0.1, for one connection. It holds nothing of the camera's address. */
  readonly url: string;
  /** Why the relay itself ended the connection, or knows better than ffmpeg why it ended; undefined when it does not. */
  readonly fault: () => CameraFault | undefined;
  /** Of video that came by this connection; none comes by it over UDP. */
  readonly videoBytes: () => number;
  /** Whether the camera has agreed to send video. */
  readonly playing: () => boolean;
  /** That the camera has, of which the first is read. */
  readonly videos: () => number;
  close(): void;
}

/** @throws CameraFault, the signal's reason. */
export async function openRelay(url: string, access: CameraAccess, guard: Guard, signal: AbortSignal): Promise<Relay> {
  const camera = await guard.connect(url, signal);
  try {
    return await relay(url, access, camera, signal);
  } catch (error) {
    camera.socket.destroy();
    signal.throwIfAborted();
    throw unreachableFault(url, error as NodeJS.ErrnoException);
  }
}

async function relay(url: string, access: CameraAccess, { socket: camera, address }: Connection, signal: AbortSignal): Promise<Relay> {
  let fault: CameraFault | undefined;
  const local = await openLocalPort(signal);
  const relayUrl = `rtsp://127.0.0.1:${local.port}/camera`;
  const conversation = new Conversation(relayUrl, access.url, access.login);
  const answers = new AnswerFilter(address, (text, body) => {
    const { passed, asked } = conversation.answer(text, body);
    if (asked !== undefined) camera.write(asked);
    return passed ?? Buffer.alloc(0);
  });
  const requests = new RequestSplitter((text) => conversation.request(text));
  void local.reader.then((reader) => {
    const end = (error: unknown) => {
      if (error instanceof ForbiddenAnswer) fault ??= forbiddenFault(url, error.message);
      camera.destroy();
      reader.destroy();
    };
    pipeline(
      camera,
      through((bytes) => answers.filter(bytes)),
      reader,
    ).then(end, end);
    pipeline(
      reader,
      through((bytes) => requests.split(bytes)),
      camera,
      { end: false },
    ).catch(end);
  });
  camera.on('error', () => undefined);
  return {
    url: relayUrl,
    fault: () => fault ?? (conversation.unanswerable === undefined ? undefined : loginFault(url, conversation.unanswerable)),
    videoBytes: () => answers.videoBytes,
    playing: () => conversation.playing,
    videos: () => conversation.videos,
    close: () => {
      local.close();
      camera.destroy();
    },
  };
}

function through(change: (bytes: Buffer) => Buffer): Transform {
  return new Transform({
    transform: (bytes: Buffer, _, done) => {
      try {
        done(null, change(bytes));
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
