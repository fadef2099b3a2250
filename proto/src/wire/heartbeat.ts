/** How each side of a call shows that it lives, and when the other is taken for dead. */
import { pause } from '../process/backoff.ts';

const HEARTBEAT_SECONDS = 1;
/** Three heartbeats missed: shown, and nothing else. */
export const SUSPECT_SECONDS = 3;
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
