/** What processes under trial write down, a line of JSON each; written before what it tells of has an effect. */
import { existsSync, readFileSync } from 'node:fs';
import type { Order, Point } from './points.ts';

export interface GapNote {
  readonly after: number;
  readonly next: number;
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly reason: string;
}

export type Note =
  /** An order was carried out. */
  | { readonly acted: Point; readonly deed: Order['act'] }
  | { readonly hello: { readonly session: string; readonly sessionStartMicros: number; readonly lastTerm: number } }
  | { readonly welcome: { readonly term: number; readonly position: number; readonly counter: string } }
  /** Of the checkpoint: the first access unit after the newest gap in it; absent without a checkpoint. */
  | { readonly resume: { readonly gapNext?: number; readonly takenMicros?: number } }
  | { readonly gap: GapNote }
  | { readonly counts: { readonly position: number; readonly presentationMicros: number; readonly term: number } }
  | { readonly finished: true }
  | { readonly goAway: true }
  /** By a counter, with its reason. */
  | { readonly refused: string }
  /** What the ledger held when a term was taken. */
  | {
      readonly claimed: {
        readonly term: number;
        readonly session: string;
        readonly committed?: { readonly session: string; readonly position: number };
      };
    };

/** Unix time in milliseconds. */
export type Noted = Note & { readonly at: number };

/** In the order of writing. A process that was killed may have left half a line at the end. */
export function readNotes(path: string): Noted[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Noted);
}

/** The notes of one kind. */
export function notesOf<K extends string>(notes: readonly Noted[], kind: K) {
  return notes.filter((note): note is Extract<Noted, Record<K, unknown>> => kind in note);
}
