/** Formats every measurement of the accuracy command as a line of a table. */
import type { LineSpec } from '../../counter-service/src/counting/layout.ts';
import { trackerSettings } from '../../counter-service/src/tracking/tracker.ts';
import { countCrossings, disturb, type Footage, randomLines, type Sampling, trueCrossings } from './evaluation.ts';
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
  readonly disturbance?: Parameters<typeof disturb>[1];
}

/** The default first; then the effects of other cameras, models and loads on boxes. */
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

const defaultHighScore = 0.35;
/** A line with fewer crossings is too random. */
const fewestCrossings = 6;

/** A row for each line of the data set, one for all lines, and one for each condition, with the random lines beside them. */
export function accuracyReport(sequence: Sequence): string[] {
  const footage = { framesPerSecond: sequence.framesPerSecond, layout: { picture: sequence.picture, lines: sequence.lines, zones: [] } };
  const events = countUnder({ name: '' }, sequence, footage);
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

/** Whether the counter's rule gives the events of the data set on the annotated boxes. */
export function agreesWithDataSet(sequence: Sequence): boolean {
  const footage = { framesPerSecond: sequence.framesPerSecond, layout: { picture: sequence.picture, lines: sequence.lines, zones: [] } };
  const { invented, missed } = agreement(trueCrossings(sequence.annotation, footage), sequence.truth, 0.5 / sequence.framesPerSecond);
  return invented.length + missed.length === 0;
}

function conditionRows(sequence: Sequence, footage: Footage, random: Footage): string[] {
  const randomTruth = trueCrossings(sequence.annotation, random);
  return conditions.map((condition) => {
    const given = accuracyOf(agreement(countUnder(condition, sequence, footage), sequence.truth));
    const drawn = accuracyOf(agreement(countUnder(condition, sequence, random), randomTruth));
    const ofRandom = `(random: precision ${drawn.precision.toFixed(3)}, recall ${drawn.recall.toFixed(3)})`;
    return `${condition.name.padEnd(40)} ${given.f1.toFixed(3)} / ${drawn.f1.toFixed(3)}  ${ofRandom}`;
  });
}

function countUnder(condition: Condition, sequence: Sequence, footage: Footage): TimedCrossing[] {
  const detections = condition.disturbance === undefined ? sequence.detections : disturb(sequence.detections, condition.disturbance);
  return countCrossings(detections, footage, trackerSettings(condition.highScore ?? defaultHighScore), condition.sampling);
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
  const [happened, counted, found] = [accuracy.true, accuracy.counted, accuracy.found].map((count) => String(count).padStart(3));
  return (
    `${name.padEnd(20)} true ${happened}  counted ${counted}  found ${found}` +
    `  precision ${accuracy.precision.toFixed(3)}  recall ${accuracy.recall.toFixed(3)}  F1 ${accuracy.f1.toFixed(3)}`
  );
}
