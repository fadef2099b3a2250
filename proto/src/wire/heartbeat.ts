/** How each side of a call shows that it lives, and when it takes the other for dead. */
import { pause } from '../process/backoff.ts';

const HEARTBEAT_SECONDS = 1;
/** Three heartbeats missed: it is shown, and nothing else follows. */
export const SUSPECT_SECONDS = 3;
/** Ten heartbeats missed. */
export const SILENCE_SECONDS = 10;

/** Sends a heartbeat every second until the signal aborts. That a call broke is for its reader to notice. */
export async function sendHeartbeats(call: { send(message: { heartbeat: object }): Promise<void> }, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(HEARTBEAT_SECONDS, signal);
    if (signal.aborted) return;
    await call.send({ heartbeat: {} }).catch(() => undefined);
  }
}
