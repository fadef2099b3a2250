/** Opens calls of the counting protocol. */
import { createSend, readMessages, signalEnd } from './call.ts';
import type { AgentCredentials } from './credentials.ts';
import { openStream } from './grpc.ts';
import type { AgentCall } from './protocol.ts';

/**
 * Opens a call to the counter at `address` (host:port), in plaintext without credentials. Where no counter answers, the
 * call's `messages` throw. @throws Error when the authorities or the token are none.
 */
export function dialCounting(address: string, signal: AbortSignal, credentials?: AgentCredentials): AgentCall {
  const { stream, close } = openStream(address, credentials);
  const cancel = () => stream.cancel();
  const over = signalEnd(stream);
  over.addEventListener('abort', () => {
    signal.removeEventListener('abort', cancel);
    close();
  });
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return {
    peer: address,
    messages: readMessages(stream),
    send: createSend(stream, over),
    finish: () => stream.end(),
    cancel,
    signal: over,
  };
}
