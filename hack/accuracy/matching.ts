/**
 * How well counted crossings agree with the true ones.
 *
 * An event is found if one of the same line and direction was counted within `toleranceSeconds`, one to one. All
 * windows being equally wide, pairing both lists in order of time leaves the fewest unpaired.
 */

/** The compared fields of a crossing; `time` in seconds. */
export interface TimedCrossing {
  readonly line: string;
  readonly direction: 'in' | 'out';
  readonly time: number;
}

export interface Agreement<Predicted extends TimedCrossing = TimedCrossing, True extends TimedCrossing = TimedCrossing> {
  readonly found: readonly (readonly [Predicted, True])[];
  /** Counted, but never happened. */
  readonly invented: readonly Predicted[];
  readonly missed: readonly True[];
}

export interface Accuracy {
  readonly true: number;
  readonly counted: number;
  readonly found: number;
  readonly precision: number;
  readonly recall: number;
  /** Harmonic mean of both; 1 where nothing happened and nothing was counted. */
  readonly f1: number;
}

export function agreement<Predicted extends TimedCrossing, True extends TimedCrossing>(
  predicted: readonly Predicted[],
  truth: readonly True[],
  toleranceSeconds = 1.5,
): Agreement<Predicted, True> {
  const found: [Predicted, True][] = [];
  const invented: Predicted[] = [];
  const missed: True[] = [];
  const truthByKind = Map.groupBy(truth, kindOf);
  const predictedByKind = Map.groupBy(predicted, kindOf);
  for (const kind of new Set([...truthByKind.keys(), ...predictedByKind.keys()])) {
    const open = (truthByKind.get(kind) ?? []).toSorted(byTime);
    for (const event of (predictedByKind.get(kind) ?? []).toSorted(byTime)) {
      while (open[0] !== undefined && open[0].time < event.time - toleranceSeconds) missed.push(open.shift()!);
      if (open[0] !== undefined && open[0].time <= event.time + toleranceSeconds) found.push([event, open.shift()!]);
      else invented.push(event);
    }
    missed.push(...open);
  }
  return { found, invented, missed };
}

export function accuracyOf({ found, invented, missed }: Agreement): Accuracy {
  const counted = found.length + invented.length;
  const happened = found.length + missed.length;
  return {
    true: happened,
    counted,
    found: found.length,
    precision: share(found.length, counted),
    recall: share(found.length, happened),
    f1: share(2 * found.length, counted + happened),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

function kindOf(event: TimedCrossing): string {
  return JSON.stringify([event.line, event.direction]);
}

function byTime(one: TimedCrossing, other: TimedCrossing): number {
  return one.time - other.time;
}
