/** Prints a line for each trial, and a summary. */
import { AGENT_POINTS, COUNTER_POINTS, type Point } from './points.ts';
import type { Recovery } from './recovery.ts';
import type { Result } from './trial.ts';

export function lineOf(result: Result): string {
  const { fault, seed, seconds, lost, doubled, gaps, unitsLost, problems } = result;
  const inGaps = unitsLost > 0 ? ` (${unitsLost} access units)` : '';
  const figures = `${seconds.toFixed(0).padStart(4)} s  lost ${lost}  doubled ${doubled}  gaps ${gaps}${inGaps}`;
  const line = `${problems.length === 0 ? 'ok    ' : 'FAILED'} ${fault.padEnd(20)} seed ${String(seed).padEnd(6)}${figures}`;
  const details = problems.length === 0 ? [] : [...problems, `again: ${commandFor(result)}`, `logs:  ${result.folder}`];
  return [line, ...details.map((detail) => `         ${detail}`)].join('\n');
}

function commandFor({ fault, seed }: Pick<Result, 'fault' | 'seed'>): string {
  return `npm run --silent trials -- --seed ${seed} --trials 1 --fault ${fault}`;
}

export interface Summary {
  readonly trials: number;
  readonly failed: number;
  readonly faults: readonly FaultSummary[];
  readonly notHit: readonly Point[];
  readonly seconds: number;
  readonly recovery: Readonly<Record<string, Spread | undefined>>;
}

interface FaultSummary {
  readonly fault: string;
  readonly trials: number;
  readonly failed: number;
  readonly lost: number;
  readonly doubled: number;
  readonly gaps: number;
  readonly unitsLost: number;
}

export interface Spread {
  readonly count: number;
  readonly median: number;
  readonly worst: number;
}

/** @param seconds of the whole run. */
export function summaryOf(results: readonly Result[], seconds: number): Summary {
  const sum = (of: readonly Result[], field: 'lost' | 'doubled' | 'gaps' | 'unitsLost') =>
    of.reduce((total, result) => total + result[field], 0);
  const countFailed = (of: readonly Result[]) => of.filter(({ problems }) => problems.length > 0).length;
  const hit = new Set(results.flatMap((result) => result.hit));
  const recoveries = (fault: string, field: 'again' | 'caughtUp' | 'speed') =>
    results
      .filter((result) => result.fault === fault)
      .flatMap((result) => result.recoveries.flatMap((recovery: Recovery) => recovery[field] ?? []));
  return {
    trials: results.length,
    failed: countFailed(results),
    faults: [...Map.groupBy(results, ({ fault }) => fault)].map(([fault, of]) => ({
      fault,
      trials: of.length,
      failed: countFailed(of),
      lost: sum(of, 'lost'),
      doubled: sum(of, 'doubled'),
      gaps: sum(of, 'gaps'),
      unitsLost: sum(of, 'unitsLost'),
    })),
    notHit: [...COUNTER_POINTS, ...AGENT_POINTS].filter((point) => !hit.has(point)),
    seconds,
    recovery: {
      'killed counter: counting again after, s': spreadOf(recoveries('counter-killed', 'again'), Math.max),
      'killed counter: caught up after, s': spreadOf(recoveries('counter-killed', 'caughtUp'), Math.max),
      'killed counter: replay, times the speed of the camera': spreadOf(recoveries('counter-killed', 'speed'), Math.min),
      'killed agent: reading again after, s': spreadOf(recoveries('agent-killed', 'again'), Math.max),
    },
  };
}

function spreadOf(values: readonly number[], worst: (...values: number[]) => number): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return { count: values.length, median: sorted[Math.floor(sorted.length / 2)]!, worst: worst(...sorted) };
}

export function tableOf({ faults, trials, failed, recovery, notHit, seconds }: Summary): string {
  const total = { fault: 'all', trials, failed, ...sumsOf(faults) };
  const rows = [...faults, total].map((row) =>
    [
      row.fault.padEnd(20),
      ...[row.trials, row.failed, row.lost, row.doubled, row.gaps, row.unitsLost].map((value) => String(value).padStart(9)),
    ].join(''),
  );
  const head = ['FAULT'.padEnd(20), ...['TRIALS', 'FAILED', 'LOST', 'DOUBLED', 'GAPS', 'UNITS'].map((title) => title.padStart(9))].join('');
  const figures = Object.entries(recovery).flatMap(([name, spread]) =>
    spread === undefined ? [] : [`${name}: median ${spread.median.toFixed(1)}, worst ${spread.worst.toFixed(1)} (${spread.count})`],
  );
  const missed = notHit.length === 0 ? [] : [`Steps of the protocol at which no process was hit: ${notHit.join(', ')}.`];
  return [head, ...rows, '', ...figures, ...missed, `It took ${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s.`].join('\n');
}

function sumsOf(faults: readonly FaultSummary[]) {
  const sum = (field: 'lost' | 'doubled' | 'gaps' | 'unitsLost') => faults.reduce((total, row) => total + row[field], 0);
  return { lost: sum('lost'), doubled: sum('doubled'), gaps: sum('gaps'), unitsLost: sum('unitsLost') };
}
