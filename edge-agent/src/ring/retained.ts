/**
 * What outlives the agent's process: its session, the ring, and the counter's checkpoints.
 *
 * With a folder, a process continues where the one before it ended: same session, same numbers, and a clock that went on
 * meanwhile, the machine's monotonic one. A new session begins, with an empty folder, for one of three reasons: the folder
 * holds none; the machine was restarted, and its clock with it; or the folder no longer shows which numbers were assigned.
 */
import { type Disk, Folder, type FolderFaults } from './folder.ts';
import { Checkpoints, checkpointsIn } from './checkpoints.ts';
import type { Machine } from './machine.ts';
import { NewestMark, NONE, type Newest } from './newest-mark.ts';
import type { RecoveredGroup } from './ring.ts';
import { FileSegments } from './segment-files.ts';
import { MemorySegments, type SegmentStore } from './segments.ts';
import { type SessionFacts, SessionState } from './session-state.ts';

export interface Recovered {
  readonly groups: RecoveredGroup[];
  /** Numbers and times continue from here. */
  readonly newest: Newest;
}

export interface Retained {
  readonly session: SessionState;
  readonly checkpoints: Checkpoints;
  readonly segments: SegmentStore;
  readonly recovered: Recovered;
  /** How many processes the session had before this one. */
  readonly restarts: number;
  readonly faults: FolderFaults;
  /** Microseconds since the session began; never goes back. */
  readonly elapsedMicros: () => number;
  /** After it, nothing more is kept. */
  close(): void;
}

/** In the file `session`. */
interface SessionFile extends SessionFacts {
  /** Random: marks what belongs to this content of the folder. */
  readonly life: string;
  readonly machineStart: string;
  readonly startMicros: number;
  readonly startMachineMicros: number;
  readonly restarts: number;
}

const SESSION = 'session';
const OURS = /^(session|newest|scratch|checkpoint-\d+|\d+\.segment)$/;

/** Nothing outlives the process. */
export function retainInMemory(machine: Machine): Retained {
  const begun = beginSession(machine);
  const segments = new MemorySegments();
  return {
    session: stateOf(begun, machine, () => undefined),
    checkpoints: new Checkpoints(),
    segments,
    recovered: { groups: [], newest: NONE },
    restarts: 0,
    faults: segments.faults,
    elapsedMicros: clockOf(begun, machine),
    close: () => undefined,
  };
}

/** @throws Error with a sentence when the folder cannot be used. */
export function retainIn(directory: string, machine: Machine, disk?: Disk): Retained {
  const folder = new Folder(directory, disk);
  const mark = new NewestMark(folder);
  const known = folder.take(SESSION)?.facts as SessionFile | undefined;
  const marked = mark.read();
  const continues =
    known !== undefined &&
    marked !== undefined &&
    known.machineStart === machine.machineStart &&
    known.startMachineMicros <= machine.machineMicros();
  if (!continues) folder.empty(OURS);
  const file = continues ? { ...known, restarts: known.restarts + 1 } : beginSession(machine);
  const segments = new FileSegments(folder, file.life, mark);
  const recovered = continues ? recover(segments, marked, folder) : { groups: [], newest: NONE };
  // Until the ring sets its own.
  folder.makeRoom = () => {
    const oldest = recovered.groups.shift();
    oldest?.segment.remove();
    return oldest !== undefined;
  };
  mark.begin(recovered.newest);
  folder.put(SESSION, file);
  const session = stateOf(file, machine, (facts) => folder.put(SESSION, { ...file, ...facts }));
  return {
    session,
    checkpoints: checkpointsIn(folder, () => session.facts.id),
    segments,
    recovered,
    restarts: file.restarts,
    faults: folder.faults,
    elapsedMicros: clockOf(file, machine),
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
    // A last block that is incomplete was never numbered: the process ended while it wrote it, and nothing is lost.
    if (torn && (groups[index + 1]?.first ?? number + 1) > end) folder.faults.corruptFiles += 1;
  }
  return { groups, newest: { number, presentationMicros } };
}

function beginSession({ newId, wallMicros, machineMicros, machineStart }: Machine): SessionFile {
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

function stateOf(file: SessionFile, { newId }: Machine, save: (facts: SessionFacts) => void): SessionState {
  const { id, lastTerm, firstNumber, startMicros } = file;
  return new SessionState({ facts: { id, lastTerm, firstNumber }, startMicros, newId, save });
}

function clockOf({ startMachineMicros }: SessionFile, { machineMicros }: Machine): () => number {
  return () => machineMicros() - startMachineMicros;
}
