/**
 * What outlives the agent's process: its session, the ring, and the counter's checkpoints.
 *
 * With a folder, a process that starts goes on where the one before it ended: same session, same numbers, and a clock
 * that has gone on meanwhile. That clock is the machine's own since its start, which nobody sets. Three things make a
 * new session, for which the folder is emptied: there is none in it; the machine was started anew, so its clock was,
 * too; or nothing tells any more which numbers were given out.
 */
import { type Disk, Folder, type FolderFaults } from './folder.ts';
import { Checkpoints, checkpointsIn } from './checkpoints.ts';
import { NewestMark, NONE, type Newest } from './newest-mark.ts';
import type { RecoveredGroup } from './ring.ts';
import { FileSegments } from './segment-files.ts';
import { MemorySegments, type SegmentStore } from './segments.ts';
import { SessionBook, type SessionFacts } from './session-book.ts';

export interface Recovered {
  readonly groups: RecoveredGroup[];
  /** Numbers and times go on from here. */
  readonly newest: Newest;
}

export interface Retained {
  readonly session: SessionBook;
  readonly checkpoints: Checkpoints;
  readonly segments: SegmentStore;
  readonly recovered: Recovered;
  /** How many processes the session had before this one. */
  readonly restarts: number;
  readonly faults: FolderFaults;
  /** Microseconds since the session began; never goes back. */
  readonly elapsedMicros: () => number;
  /** Nothing is kept after it. */
  close(): void;
}

export interface World {
  readonly newId: () => string;
  /** Unix time. */
  readonly wallMicros: () => number;
  /** Of a clock that is never set, and that every process of this machine reads alike until it is started anew. */
  readonly machineMicros: () => number;
  /** Another one for each start of the machine. */
  readonly machineStart: string;
}

/** In the file `session`. */
interface Life extends SessionFacts {
  /** Random; of the folder's content. */
  readonly life: string;
  readonly machineStart: string;
  readonly startMicros: number;
  readonly startMachineMicros: number;
  readonly restarts: number;
}

const SESSION = 'session';
const OURS = /^(session|newest|scratch|checkpoint-\d+|\d+\.segment)$/;

/** Nothing outlives the process. */
export function retainInMemory(world: World): Retained {
  const life = beginLife(world);
  const segments = new MemorySegments();
  return {
    session: bookOf(life, world, () => undefined),
    checkpoints: new Checkpoints(),
    segments,
    recovered: { groups: [], newest: NONE },
    restarts: 0,
    faults: segments.faults,
    elapsedMicros: clockOf(life, world),
    close: () => undefined,
  };
}

/** @throws Error with a sentence when the folder cannot be used. */
export function retainIn(directory: string, world: World, disk?: Disk): Retained {
  const folder = new Folder(directory, disk);
  const mark = new NewestMark(folder);
  const known = folder.take(SESSION)?.facts as Life | undefined;
  const marked = mark.read();
  const goesOn =
    known !== undefined &&
    marked !== undefined &&
    known.machineStart === world.machineStart &&
    known.startMachineMicros <= world.machineMicros();
  if (!goesOn) folder.empty(OURS);
  const life = goesOn ? { ...known, restarts: known.restarts + 1 } : beginLife(world);
  const segments = new FileSegments(folder, life.life, mark);
  const recovered = goesOn ? recover(segments, marked, folder) : { groups: [], newest: NONE };
  // Until there is a ring that knows better.
  folder.makeRoom = () => {
    const oldest = recovered.groups.shift();
    oldest?.segment.letGo();
    return oldest !== undefined;
  };
  mark.begin(recovered.newest);
  folder.put(SESSION, life);
  const session = bookOf(life, world, (facts) => folder.put(SESSION, { ...life, ...facts }));
  return {
    session,
    checkpoints: checkpointsIn(folder, () => session.facts.id),
    segments,
    recovered,
    restarts: life.restarts,
    faults: folder.faults,
    elapsedMicros: clockOf(life, world),
    close: () => segments.close(),
  };
}

function recover(segments: FileSegments, marked: Newest, folder: Folder): Recovered {
  const groups = segments.recover();
  let { number, presentationMicros } = marked;
  for (const [index, { first, units, torn }] of groups.entries()) {
    const end = first + units.length;
    for (const unit of units) presentationMicros = Math.max(presentationMicros, unit.presentationMicros);
    number = Math.max(number, end - 1);
    // One that was being written when the process ended was never numbered: nothing is lost with it.
    if (torn && (groups[index + 1]?.first ?? number + 1) > end) folder.faults.corruptFiles += 1;
  }
  return { groups, newest: { number, presentationMicros } };
}

function beginLife({ newId, wallMicros, machineMicros, machineStart }: World): Life {
  return {
    life: newId(),
    machineStart,
    startMicros: wallMicros(),
    startMachineMicros: machineMicros(),
    restarts: 0,
    id: newId(),
    lastTerm: 0,
    firstNumber: 1,
  };
}

function bookOf({ id, lastTerm, firstNumber, startMicros }: Life, { newId }: World, save: (facts: SessionFacts) => void): SessionBook {
  return new SessionBook({ facts: { id, lastTerm, firstNumber }, startMicros, newId, save });
}

function clockOf({ startMachineMicros }: Life, { machineMicros }: World): () => number {
  return () => machineMicros() - startMachineMicros;
}
