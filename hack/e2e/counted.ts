/** A camera that loops, and what is known of it once somebody was counted. */
import assert from 'node:assert/strict';
import type { World } from './scenario.ts';

/** A stream that has counted somebody: how many went in. */
export async function hasCounted(name: string, { streams, eventually }: World): Promise<number> {
  await streams.create(name);
  await streams.whenReady(name, 60);
  return eventually(`${name} has counted somebody`, 60, async () => {
    const found = (await streams.get(name)).status?.counts?.in ?? 0;
    assert.ok(found > 0, 'nobody yet');
    return found;
  });
}

/** Waits for so many, both ways. @returns how many there are. */
export function counted(name: string, least: number, { streams, eventually }: World): Promise<number> {
  return eventually(`${name} has counted ${least}`, 90, async () => {
    const { in: entered = 0, out = 0 } = (await streams.get(name)).status?.counts ?? {};
    assert.ok(entered + out >= least, `${entered} in, ${out} out`);
    return entered + out;
  });
}
