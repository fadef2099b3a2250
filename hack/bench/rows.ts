/** Results of the benchmark's parts, and their table. */
import { alignColumns } from '../../local/table.ts';
import type { Clip } from './clip.ts';

export interface Row {
  readonly part: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: { readonly most: number } | { readonly least: number };
  readonly note?: string;
}

/** The input of every part. */
export interface Bench {
  readonly clip: Clip;
  /** How many times measurements are repeated, in turns; the median counts. */
  readonly rounds: number;
  /** How long a live camera is watched. */
  readonly seconds: number;
  /** Emptied after the run. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** A line of progress. */
  readonly say: (sentence: string) => void;
}

export type Part = (bench: Bench) => Promise<Row[]>;

/** Undefined where there is no target. */
export function isMet({ value, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  return 'most' in target ? value <= target.most : value >= target.least;
}

export function rowTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.part,
    row.what,
    `${format(row.value)} ${row.unit}`.trim(),
    row.target === undefined ? '' : 'most' in row.target ? `<= ${row.target.most}` : `>= ${row.target.least}`,
    { true: 'met', false: 'MISSED', undefined: '' }[String(isMet(row)) as 'true'],
    row.note ?? '',
  ]);
  return alignColumns([['PART', 'WHAT', 'VALUE', 'TARGET', '', 'NOTE'], ...cells], '  ');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

function format(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
