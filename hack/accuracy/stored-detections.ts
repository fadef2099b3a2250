/**
 * Prints how well tracker and counter do on stored detections of PETS09-S2L1, which are not part of this project:
 *
 *   node hack/accuracy/stored-detections.ts [folder]
 *
 * The folder holds pets09-s2l1/{truth.json,gt/gt.txt,det/*.txt}; without an argument it is $FOOTFALL_DATA, and
 * without that ../shared/data beside the repository.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readMot } from './mot.ts';
import { accuracyReport, agreesWithDataSet, type Sequence } from './report.ts';

interface TruthFile {
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

const besideRepository = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'data');
const folder = path.join(process.argv[2] ?? process.env['FOOTFALL_DATA'] ?? besideRepository, 'pets09-s2l1');

function readSequence(): Sequence | undefined {
  try {
    const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
    const truth = JSON.parse(read('truth.json')) as TruthFile;
    const thousandths = ([x, y]: readonly [number, number]) => ({ x: 1000 * x / truth.width, y: 1000 * y / truth.height });
    return {
      picture: { width: truth.width, height: truth.height },
      framesPerSecond: truth.fps,
      lines: truth.lines.map((line) => ({ name: line.name, from: thousandths(line.A), to: thousandths(line.B) })),
      truth: truth.lines.flatMap((line) => line.events.map((event) => ({ line: line.name, direction: event.dir, time: (event.frame - 1) / truth.fps }))),
      annotation: readMot(read('gt/gt.txt'), truth.frames),
      detections: readMot(read('det/rtmdet-nano_640x480.txt'), truth.frames),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const sequence = readSequence();
if (sequence === undefined) {
  console.error(`No PETS09-S2L1 data in ${folder}. Name the folder that holds pets09-s2l1 as argument or in FOOTFALL_DATA.`);
  process.exitCode = 2;
} else if (agreesWithDataSet(sequence)) {
  for (const line of accuracyReport(sequence)) console.log(line);
} else {
  console.error('The counter\'s rule on the annotated boxes does not give the crossings that truth.json states: one of them is wrong.');
  process.exitCode = 1;
}
