/** A live camera whose access units have times that fit the agent's clock (`pace.ts`). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Camera, CameraItem } from './camera.ts';
import { clockRateFault } from './faults.ts';
import { Pace, type Paced } from './pace.ts';

/** @param nowMicros of a clock that never goes back. */
export function pacedCamera(camera: Camera, url: string, nowMicros: () => number): Camera {
  return { ...camera, read: (signal) => paced(camera.read(signal), url, nowMicros) };
}

async function* paced(items: AsyncIterable<CameraItem>, url: string, nowMicros: () => number): AsyncGenerator<CameraItem> {
  const pace = new Pace();
  let told = false;
  const passOn = function* (units: readonly Paced[]): Generator<CameraItem> {
    if (pace.wrongRate !== undefined && !told) yield { kind: 'remark', fault: clockRateFault(url, pace.wrongRate) };
    told = pace.wrongRate !== undefined;
    for (const one of units) yield { kind: 'unit', ...one };
  };
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const coming = iterator.next();
      // Its fault is heard below, unless the reader has left.
      coming.catch(() => undefined);
      const next = await withinHold(coming, pace, nowMicros);
      if (next === undefined) yield* passOn(pace.settle(nowMicros()));
      const { done, value } = next ?? (await coming);
      if (done === true) break;
      if (value.kind === 'unit') yield* passOn(pace.take(value.unit, nowMicros()));
      else yield value;
    }
    yield* passOn(pace.settle(nowMicros()));
  } catch (error) {
    yield* passOn(pace.settle(nowMicros()));
    throw error;
  } finally {
    await iterator.return?.();
  }
}

/** Undefined when what is held has waited long enough. */
async function withinHold<T>(coming: Promise<T>, { heldUntilMicros }: Pace, nowMicros: () => number): Promise<T | undefined> {
  if (heldUntilMicros === undefined) return coming;
  const over = new AbortController();
  const waited = sleep(Math.max(0, (heldUntilMicros - nowMicros()) / 1000), undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([coming, waited]);
  } finally {
    over.abort();
  }
}
