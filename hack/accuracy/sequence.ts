/** Reads PETS09-S2L1 with its truth, not part of this project: a folder pets09-s2l1/{vtest.avi,truth.json,gt/gt.txt,det/*.txt}. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMot } from './mot.ts';
import type { Sequence } from './report.ts';

/** truth.json of PETS09-S2L1; frames count from 1. */
export interface TruthFile {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
  readonly lines: readonly {
    readonly name: string;
    readonly A: readonly [number, number];
    readonly B: readonly [number, number];
    readonly events: readonly { readonly frame: number; readonly dir: 'in' | 'out' }[];
  }[];
}

/** The given folder, else $FOOTFALL_DATA, else ../shared/data beside the repository. */
export function dataFolder(named: string | undefined): string {
  const besideRepository = join(import.meta.dirname, '..', '..', '..', 'shared', 'data');
  return join(named ?? process.env['FOOTFALL_DATA'] ?? besideRepository, 'pets09-s2l1');
}

/** @returns undefined when the folder does not contain it. */
export function readSequence(folder: string): Sequence | undefined {
  try {
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    const truth = JSON.parse(read('truth.json')) as TruthFile;
    const thousandths = ([x, y]: readonly [number, number]) => ({ x: (1000 * x) / truth.width, y: (1000 * y) / truth.height });
    return {
      picture: { width: truth.width, height: truth.height },
      framesPerSecond: truth.fps,
      lines: truth.lines.map((line) => ({ name: line.name, from: thousandths(line.A), to: thousandths(line.B) })),
      truth: truth.lines.flatMap((line) =>
        line.events.map((event) => ({ line: line.name, direction: event.dir, time: (event.frame - 1) / truth.fps })),
      ),
      annotation: readMot(read('gt/gt.txt'), truth.frames),
      detections: readMot(read('det/rtmdet-nano_640x480.txt'), truth.frames),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
