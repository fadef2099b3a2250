/** Times of faults. They follow from the number of counted access units, so that a busy machine does not shift them. */
import { setTimeout as delay } from 'node:timers/promises';
import { FILM_UNITS } from '../film.ts';
import type { Random } from '../../machine/random.ts';
import type { Stage } from '../stage.ts';

/** The last fault comes by then; enough of a file is left to recover in. */
const LAST_UNIT = { file: FILM_UNITS - 40, camera: 80 };

/** Twice as long as a counter waits for its ledger. */
const REFUSAL_SECONDS = 60;

/** Acts at one to three random instants, each up to 0.2 s after a frame was counted. */
export async function atInstants(stage: Stage, source: 'file' | 'camera', random: Random, act: () => Promise<void>): Promise<void> {
  const instants = Array.from({ length: random.whole(1, 3) }, () => random.whole(1, LAST_UNIT[source])).toSorted((a, b) => a - b);
  for (const instant of instants) {
    await stage.untilCounted(instant);
    await pauseBetween(stage, random, 0, 0.2);
    await act();
  }
}

/** Waits for a refusal; its absence is unexpected. */
export async function untilRefused(stage: Stage, reason: string): Promise<void> {
  for (const end = performance.now() + REFUSAL_SECONDS * 1000; performance.now() < end;) {
    if (stage.wasRefused(reason)) return;
    await delay(50, undefined, { signal: stage.signal });
  }
  stage.unexpected.push(`no counter refused an agent as ${reason}`);
}

/** Waits for a random number of seconds. */
export async function pauseBetween(stage: Stage, random: Random, least: number, most: number): Promise<void> {
  await delay(random.between(least, most) * 1000, undefined, { signal: stage.signal });
}
