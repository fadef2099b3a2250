/**
 * When something is done: at instants that follow from what was counted, so that they fall where they should however
 * busy the machine is.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FILM_UNITS } from '../film.ts';
import type { Random } from '../random.ts';
import type { Stage } from '../stage.ts';

/** Of a trial's camera, as long as faults go on; of a file, up to where enough is left to recover in. */
const LAST_UNIT = { file: FILM_UNITS - 40, camera: 80 };

/** Twice as long as a counter waits for its ledger. */
const REFUSAL_SECONDS = 60;

/** Goes through some instants, first to last, and acts at each: not only where a frame was just counted. */
export async function atInstants(stage: Stage, source: 'file' | 'camera', random: Random, act: () => Promise<void>): Promise<void> {
  const instants = Array.from({ length: random.whole(1, 3) }, () => random.whole(1, LAST_UNIT[source])).toSorted((a, b) => a - b);
  for (const instant of instants) {
    await stage.counted(instant);
    await pass(stage, random, 0, 0.2);
    await act();
  }
}

/** Waits for a refusal that has to come. */
export async function refused(stage: Stage, reason: string): Promise<void> {
  for (const end = performance.now() + REFUSAL_SECONDS * 1000; performance.now() < end;) {
    if (stage.refused(reason)) return;
    await delay(50, undefined, { signal: stage.signal });
  }
  stage.surprises.push(`nobody was refused as ${reason}`);
}

export async function pass(stage: Stage, random: Random, least: number, most: number): Promise<void> {
  await delay(random.between(least, most) * 1000, undefined, { signal: stage.signal });
}
