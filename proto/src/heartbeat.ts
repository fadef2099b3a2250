/** How each side of a call shows that it lives, and when the other is taken for dead. */
import { pause } from './backoff.ts';

const HEARTBEAT_SECONDS = 1;
/** Ten heartbeats missed. */
export const SILENCE_SECONDS = 10;

/** Sends a heartbeat every second until the signal aborts. A call that breaks is noticed by whoever reads it. */
export async function beat(call: { send(message: { heartbeat: object }): Promise<void> }, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(HEARTBEAT_SECONDS, signal);
    if (signal.aborted) return;
    await call.send({ heartbeat: {} }).catch(() => undefined);
  }
}
