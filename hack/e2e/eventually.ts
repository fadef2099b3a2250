/** Waits for a condition, within a time limit. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Calls `look` until it returns; it throws as long as the condition does not hold.
 * @throws Error that names `what`, the limit, and the error of the last look.
 */
export async function eventually<T>(what: string, seconds: number, look: () => Promise<T> | T, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      signal?.throwIfAborted();
      if (performance.now() > deadline)
        throw new Error(`${what}: not within ${seconds} s. Last seen: ${(error as Error).message}`, { cause: error });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
