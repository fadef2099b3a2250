/** A port of this host for one connection: by it ffmpeg reaches what the agent has connected to, and nothing else. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface LocalPort {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The one connection, paused. */
  readonly reader: Promise<Socket>;
  close(): void;
}

/** @throws the signal's reason. */
export async function openLocalPort(signal: AbortSignal): Promise<LocalPort> {
  const { promise: reader, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer({ pauseOnConnect: true }, (socket) => {
    listener.close();
    resolve(socket);
  });
  // It closes itself with its one connection, and must not be closed twice.
  const close = () => void (listener.listening && listener.close());
  listener.listen(0, '127.0.0.1');
  try {
    await once(listener, 'listening', { signal });
  } catch (error) {
    close();
    throw error;
  }
  return { port: (listener.address() as AddressInfo).port, reader, close };
}
