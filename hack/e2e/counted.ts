/** Waits for counts of a looping camera. */
import assert from 'node:assert/strict';
import type { World } from './scenario.ts';

/** Creates a stream and waits for its first count. @returns how many people went in. */
export async function createCounting(name: string, { streams, eventually }: World): Promise<number> {
  await streams.create(name);
  await streams.untilReady(name, 60);
  return eventually(`${name} has counted a person`, 60, async () => {
    const found = (await streams.get(name)).status?.counts?.in ?? 0;
    assert.ok(found > 0, 'no count yet');
    return found;
  });
}

/** Waits for so many crossings in both directions. @returns how many there are. */
export function untilCounted(name: string, least: number, { streams, eventually }: World): Promise<number> {
  return eventually(`${name} has counted ${least}`, 90, async () => {
    const { in: entered = 0, out = 0 } = (await streams.get(name)).status?.counts ?? {};
    assert.ok(entered + out >= least, `${entered} in, ${out} out`);
    return entered + out;
  });
}
