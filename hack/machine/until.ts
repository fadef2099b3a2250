import { setTimeout as sleep } from 'node:timers/promises';

/** Polls a condition of the outside world, which has no event to wait for. */
export async function until(condition: () => Promise<boolean> | boolean, seconds = 20): Promise<void> {
  for (const deadline = performance.now() + seconds * 1000; ;) {
    if (await condition()) return;
    if (performance.now() > deadline) throw new Error(`It did not come about within ${seconds} s.`);
    await sleep(50);
  }
}
