/** How long the product took after each kill to work as before. */
import { FRAMES_PER_SECOND } from './film.ts';
import { notesOf } from './notes.ts';
import type { Stage } from './stage.ts';
import { readTape } from './tape.ts';

/** A counter that is this many access units behind the camera has caught up. */
const CAUGHT_UP_UNITS = 10;

/** In seconds since the kill; absent when the next fault came earlier. */
export interface Recovery {
  readonly of: 'counter' | 'agent';
  /** Counter: the first counts of another term. Agent: the first access unit that it read. */
  readonly again?: number;
  readonly caughtUp?: number;
  /** Seconds of video counted in a second while catching up; absent when there was too little to catch up with. */
  readonly speed?: number;
}

export function recoveriesOf(stage: Stage): Recovery[] {
  const tape = readTape(stage.tape(stage.lostSessions))?.units ?? [];
  const counts = notesOf(stage.notes('agent'), 'counts').map(({ at, counts: { position, term } }) => ({ at, position, term }));
  return stage.kills.map(({ of, at }, index) => {
    const next = stage.kills[index + 1]?.at ?? Infinity;
    const within = <T extends { at: number }>(notes: readonly T[]) => notes.filter((note) => note.at > at && note.at < next);
    if (of === 'agent') return { of, ...secondsUntil(at, 'again', within(tape)[0]) };
    const term = Math.max(0, ...counts.filter((note) => note.at <= at).map((note) => note.term));
    const after = within(counts).filter((note) => note.term > term);
    const newestAt = (time: number) => tape.findLast((unit) => unit.at <= time)?.number ?? 0;
    const caughtUp = after.find((note) => note.position >= newestAt(note.at) - CAUGHT_UP_UNITS);
    return {
      of,
      ...secondsUntil(at, 'again', after[0]),
      ...(tape.length > 0 && secondsUntil(at, 'caughtUp', caughtUp)),
      ...speedOf(after[0], caughtUp),
    };
  });
}

function secondsUntil<K extends string>(from: number, name: K, note: { at: number } | undefined): { [key in K]?: number } {
  return note === undefined ? {} : ({ [name]: (note.at - from) / 1000 } as { [key in K]: number });
}

function speedOf(
  first: { at: number; position: number } | undefined,
  last: { at: number; position: number } | undefined,
): { speed?: number } {
  if (first === undefined || last === undefined || last.position - first.position < 2 * FRAMES_PER_SECOND) return {};
  return { speed: (last.position - first.position) / FRAMES_PER_SECOND / ((last.at - first.at) / 1000) };
}
