/** What the accuracy command prints: every measurement as a line of a table, in words and numbers. */
import type { LineSpec } from '../../counter-service/src/counting/layout.ts';
import { trackerSettings } from '../../counter-service/src/tracking/tracker.ts';
import { countedCrossings, disturbed, type Footage, randomLines, type Sampling, trueCrossings } from './evaluation.ts';
import { type Accuracy, accuracyOf, agreement, type TimedCrossing } from './matching.ts';
import type { MotBox } from './mot.ts';

export interface Sequence {
  readonly picture: { readonly width: number; readonly height: number };
  readonly framesPerSecond: number;
  readonly lines: readonly LineSpec[];
  /** The crossings of `lines` that the data set states. */
  readonly truth: readonly TimedCrossing[];
  readonly annotation: readonly (readonly MotBox[])[];
  readonly detections: readonly (readonly MotBox[])[];
}

interface Condition {
  readonly name: string;
  readonly highScore?: number;
  readonly sampling?: Sampling;
  readonly disturbance?: Parameters<typeof disturbed>[1];
}

/** The default first; then what other cameras, models and loads do to boxes. */
const conditions: readonly Condition[] = [
  { name: 'as detected' },
  { name: 'score from 0.3', highScore: 0.3 },
  { name: 'score from 0.5', highScore: 0.5 },
  { name: 'every second frame', sampling: { every: 2, first: 0 } },
  { name: 'every second frame, the others', sampling: { every: 2, first: 1 } },
  { name: 'every third frame', sampling: { every: 3, first: 0 } },
  { name: 'edges off by 3 %', disturbance: { jitter: 0.03, lost: 0, seed: 1 } },
  { name: 'edges off by 6 %', disturbance: { jitter: 0.06, lost: 0, seed: 2 } },
  { name: '15 % of the boxes gone', disturbance: { jitter: 0, lost: 0.15, seed: 3 } },
  { name: 'every second frame, 4 % off, 10 % gone', sampling: { every: 2, first: 0 }, disturbance: { jitter: 0.04, lost: 0.1, seed: 4 } },
];

const defaultHighScore = 0.4;
/** Fewer say more about luck than about the tracker. */
const fewestCrossings = 6;

/** One line per line of the data set, one for all of them, and one per condition with the random lines beside them. */
export function accuracyReport(sequence: Sequence): string[] {
  const footage = { framesPerSecond: sequence.framesPerSecond, layout: { picture: sequence.picture, lines: sequence.lines, zones: [] } };
  const events = countedUnder({ name: '' }, sequence, footage);
  const perLine = sequence.lines.map((line) => {
    const ofLine = (event: TimedCrossing) => event.line === line.name;
    return accuracyRow(line.name, accuracyOf(agreement(events.filter(ofLine), sequence.truth.filter(ofLine))));
  });
  const random = busyRandomLines(sequence, footage);
  return [
    ...perLine,
    accuracyRow('all lines', accuracyOf(agreement(events, sequence.truth))),
    '',
    `F1 on these lines / on ${random.layout.lines.length} random lines with at least ${fewestCrossings} crossings each`,
    ...conditionRows(sequence, footage, random),
  ];
}

/** Whether the counter's rule on the annotated boxes gives the events that the data set states. */
export function agreesWithDataSet(sequence: Sequence): boolean {
  const footage = { framesPerSecond: sequence.framesPerSecond, layout: { picture: sequence.picture, lines: sequence.lines, zones: [] } };
  const { invented, missed } = agreement(trueCrossings(sequence.annotation, footage), sequence.truth, 0.5 / sequence.framesPerSecond);
  return invented.length + missed.length === 0;
}

function conditionRows(sequence: Sequence, footage: Footage, random: Footage): string[] {
  const randomTruth = trueCrossings(sequence.annotation, random);
  return conditions.map((condition) => {
    const given = accuracyOf(agreement(countedUnder(condition, sequence, footage), sequence.truth));
    const drawn = accuracyOf(agreement(countedUnder(condition, sequence, random), randomTruth));
    return `${condition.name.padEnd(40)} ${given.f1.toFixed(3)} / ${drawn.f1.toFixed(3)}  (random: precision ${drawn.precision.toFixed(3)}, recall ${drawn.recall.toFixed(3)})`;
  });
}

function countedUnder(condition: Condition, sequence: Sequence, footage: Footage): TimedCrossing[] {
  const detections = condition.disturbance === undefined ? sequence.detections : disturbed(sequence.detections, condition.disturbance);
  return countedCrossings(detections, footage, trackerSettings(condition.highScore ?? defaultHighScore), condition.sampling);
}

function busyRandomLines(sequence: Sequence, footage: Footage): Footage {
  const lines = randomLines(500, 7);
  const crossings = Map.groupBy(
    trueCrossings(sequence.annotation, { ...footage, layout: { ...footage.layout, lines } }),
    (event) => event.line,
  );
  return {
    ...footage,
    layout: { ...footage.layout, lines: lines.filter((line) => (crossings.get(line.name)?.length ?? 0) >= fewestCrossings) },
  };
}

export function accuracyRow(name: string, accuracy: Accuracy): string {
  return (
    `${name.padEnd(20)} true ${String(accuracy.true).padStart(3)}  counted ${String(accuracy.counted).padStart(3)}  found ${String(accuracy.found).padStart(3)}` +
    `  precision ${accuracy.precision.toFixed(3)}  recall ${accuracy.recall.toFixed(3)}  F1 ${accuracy.f1.toFixed(3)}`
  );
}
