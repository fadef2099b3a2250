/**
 * What the counters of a trial with a camera had to count, from the agent's notes and tapes: each session's access units and
 * declared gaps. Contradictions between notes and tapes are problems.
 */
import { type GapNote, type Noted, notesOf } from './notes.ts';
import type { Taped } from './tape.ts';

export interface SessionFilm {
  readonly session: string;
  readonly sessionStartMicros: number;
  /** As its agent last sent it in a Resume without a checkpoint. */
  readonly takenMicros: number;
  readonly taped: Taped;
  readonly gaps: readonly DeclaredGap[];
  /** The last access unit that is committed. */
  readonly upTo: number;
}

interface DeclaredGap extends GapNote {
  /** Unix time in milliseconds. */
  readonly at: number;
}

/**
 * @param tapes one for each session.
 * @param committed the last committed position of each session that the ledger knew.
 * @param maxLagSeconds when an agent is further behind the camera, it passes over what it has not sent; absent: never.
 */
export function sessionsOf(
  notes: readonly Noted[],
  tapes: readonly (Taped | undefined)[],
  committed: ReadonlyMap<string, number>,
  maxLagSeconds = Infinity,
): { films: SessionFilm[]; problems: string[] } {
  const hellos = notesOf(notes, 'hello').map(({ hello }) => hello);
  const ids = [...new Set(hellos.map(({ session }) => session))];
  if (ids.length !== tapes.length)
    return { films: [], problems: [`the agent had ${ids.length} sessions where it should have had ${tapes.length}`] };
  const films: SessionFilm[] = [];
  const problems: string[] = [];
  for (const [index, session] of ids.entries()) {
    const taped = tapes[index];
    const upTo = committed.get(session) ?? 0;
    if (taped === undefined || upTo === 0) continue;
    const gaps = declaredGaps(notes, session).filter(({ after }) => after < upTo);
    const { sessionStartMicros } = hellos.find((hello) => hello.session === session)!;
    films.push({ session, sessionStartMicros, takenMicros: takenMicrosOf(notes, session), taped, gaps, upTo });
    const newest = taped.units.at(-1)!.number;
    // The last session ended in good order, so all that its agent read must be committed or declared.
    if (session === ids.at(-1) && upTo !== newest) problems.push(`${upTo} access units of ${newest} are committed or declared lost`);
    problems.push(...findUndeclared(taped, gaps, upTo, maxLagSeconds), ...findInexact(taped, gaps, maxLagSeconds));
  }
  return { films, problems };
}

/**
 * The gaps that are valid in the end: a call resumes from a checkpoint, which contains the earlier gaps. Gaps that an earlier
 * call declared after that checkpoint are discarded.
 */
export function declaredGaps(notes: readonly Noted[], session: string): DeclaredGap[] {
  let declared: DeclaredGap[] = [];
  let known = 0;
  let current = '';
  for (const note of notes) {
    if ('hello' in note) current = note.hello.session;
    if (current !== session) continue;
    if ('resume' in note) {
      known = note.resume.gapNext ?? 0;
      declared = declared.filter(({ next }) => next <= known);
    }
    // The checkpoint already contains a gap that is sent again.
    if ('gap' in note && note.gap.next > known) declared.push({ ...note.gap, at: note.at });
  }
  return declared;
}

function takenMicrosOf(notes: readonly Noted[], session: string): number {
  let [taken, current] = [0, ''];
  for (const note of notes) {
    if ('hello' in note) current = note.hello.session;
    if (current === session && 'resume' in note && note.resume.gapNext === undefined) taken = note.resume.takenMicros ?? 0;
  }
  return taken;
}

/** The agent must declare each interruption of the camera as such; it may lose access units only to a full ring or a lag limit. */
function findUndeclared({ units }: Taped, gaps: readonly GapNote[], upTo: number, maxLagSeconds: number): string[] {
  const problems: string[] = [];
  const holes = units.filter(({ number }, index) => number !== index + 1);
  if (holes.length > 0) problems.push(`access unit ${holes[0]!.number} was numbered where ${units.indexOf(holes[0]!) + 1} belongs`);
  for (const { number, interruption } of units) {
    if (interruption === undefined || number > upTo) continue;
    const gap = gaps.find(({ after, next }) => after < number && number <= next);
    if (gap === undefined) problems.push(`the camera's stream broke before access unit ${number}, and that was not declared`);
  }
  for (const { after, next, reason } of gaps) {
    const broke = units[next - 1]?.interruption !== undefined;
    const ofLoss = reason === 'PASSED_OVER' || (reason === 'RING_FULL' && maxLagSeconds === Infinity);
    if (reason === 'CAMERA_LOST' ? !broke || next !== after + 1 : !ofLoss) {
      problems.push(`a gap from ${after} to ${next} was declared as ${reason}`);
    }
  }
  return problems;
}

/**
 * A gap must be exactly the time between the access units before and after it, and no time may be in two gaps. An agent may
 * pass over only what is beyond its lag limit, and only up to a keyframe.
 */
function findInexact({ units }: Taped, gaps: readonly DeclaredGap[], maxLagSeconds: number): string[] {
  return gaps.flatMap(({ after, next, fromMicros, toMicros, reason, at }) => {
    const problems: string[] = [];
    // A gap that follows another one directly begins where that one ended.
    const before = gaps.find((gap) => gap.next === after + 1 && gap.next < next);
    const newest =
      before === undefined
        ? Math.max(0, ...units.slice(0, after).map(({ presentationMicros }) => presentationMicros))
        : before.toMicros - 1;
    const resumed = units[next - 1];
    if (fromMicros !== newest || toMicros !== resumed?.presentationMicros)
      problems.push(
        `the gap from ${after} to ${next} was declared to last from ${fromMicros} to ${toMicros}, ` +
          `not from ${newest} to ${resumed?.presentationMicros}`,
      );
    if (reason !== 'PASSED_OVER') return problems;
    const read = units.findLast((unit) => unit.at <= at)!.presentationMicros;
    const lagSeconds = (read - units[after]!.presentationMicros) / 1e6;
    if (!(lagSeconds > maxLagSeconds) || resumed?.keyframe !== true)
      problems.push(`access units after ${after} and before ${next} were passed over, ${lagSeconds} s behind the camera`);
    return problems;
  });
}
