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

