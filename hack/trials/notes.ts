/** Notes of processes under trial, a line of JSON each. A process writes a note before the noted step takes effect. */
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
  /** The process carried out an order. */
  | { readonly acted: Point; readonly deed: Order['act'] }
  | { readonly hello: { readonly session: string; readonly sessionStartMicros: number; readonly lastTerm: number } }
  | { readonly welcome: { readonly term: number; readonly position: number; readonly counter: string } }
  /** gapNext: the first access unit after the newest gap that the checkpoint contains; absent without a checkpoint. */
  | { readonly resume: { readonly gapNext?: number; readonly takenMicros?: number } }
  | { readonly gap: GapNote }
  | { readonly counts: { readonly position: number; readonly presentationMicros: number; readonly term: number } }
  | { readonly finished: true }
  | { readonly goAway: true }
  /** A counter refused the agent, for this reason. */
  | { readonly refused: string }
  /** A counter took a term; committed: what the ledger held then. */
  | {
      readonly claimed: {
        readonly term: number;
        readonly session: string;
        readonly committed?: { readonly session: string; readonly position: number };
      };
    };

/** Unix time in milliseconds. */
export type Noted = Note & { readonly at: number };

/** In the order of writing. A killed process may have left half a line at the end. */
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
