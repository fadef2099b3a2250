/** A duplex stream as a call: messages by async iteration, writes that wait for room, a signal for the end. */
import { Malformed, type MalformedMessage } from './messages.ts';
import type { Variants } from './protocol.ts';

interface Readable<In> {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<In>;
}

/** What is used of a gRPC stream, on either side. */
interface Duplex<In, Out> extends Readable<In> {
  write(message: Out): boolean;
  once(event: 'drain' | 'close' | 'error' | 'cancelled' | 'status', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** @returns a signal that aborts when the stream is over. */
export function signalEnd(stream: Duplex<never, never> | Duplex<unknown, unknown>): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort();
  // The reader of `messages` gets the error; without a listener it would end the process.
  stream.on('error', end);
  stream.once('close', end);
  stream.once('cancelled', end);
  // A client hears nothing else of a call that its server ends in good order: what it still writes is never taken.
  stream.once('status', end);
  return controller.signal;
}

/** @param over see `signalEnd`. */
export function createSend<Out>(stream: Duplex<unknown, Out>, over: AbortSignal): (message: Out) => Promise<void> {
  return async (message) => {
    if (over.aborted) throw new Error('The call is over.');
    if (stream.write(message)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        stream.off('drain', settle);
        over.removeEventListener('abort', settle);
        if (over.aborted) reject(new Error('The call is over.'));
        else resolve();
      };
      stream.once('drain', settle);
      over.addEventListener('abort', settle, { once: true });
    });
  };
}

/** @throws Malformed */
export async function* readMessages<M extends { message?: string }>(stream: Readable<M>): AsyncGenerator<Variants<M>> {
  // A reader that stops may still have something to send.
  for await (const message of stream.iterator({ destroyOnReturn: false })) {
    // A kind that only a newer peer knows is skipped, as protobuf means it.
    if (message.message === undefined) continue;
    if (message.message === 'malformed') throw new Malformed((message as unknown as MalformedMessage).sentence);
    yield { kind: message.message, value: message[message.message as keyof M] } as Variants<M>;
  }
}
