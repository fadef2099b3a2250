/** One trial: the product is played a film, something is done to it, and what it has committed is compared. */
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ended } from '../machine/rtsp-server.ts';
import type { Fault } from './faults/fault.ts';
import { type Disk, smallDisk } from './disk.ts';
import type { Lab } from './environment.ts';
import { type Committed, folderLedger, StatusOfServer, type TrialLedger } from './ledgers.ts';
import { notesOf } from './notes.ts';
import type { Point } from './points.ts';
import { Random } from './random.ts';
import { type Recovery, recoveriesOf } from './recovery.ts';
import { countUndisturbed } from './reference.ts';
import { sessionsOf } from './sessions.ts';
import { Stage } from './stage.ts';
import { readTape } from './tape.ts';
import { judge, type Verdict } from './verdict.ts';

/** Ten times what the longest takes on an idle machine. */
const LIMIT_SECONDS = 600;
/** A camera's trial goes on until so much is counted, and some more after the last fault. */
const CAMERA_UNITS = 100;
const AFTERWARDS_UNITS = 20;
/** No fault is so long that a ring of this length loses anything. */
const BUFFER_SECONDS = 600;
/** Of a file each reading is another session. */
const OF_THE_READING = ['session', 'time'];

export interface Result extends Verdict {
  readonly fault: string;
  readonly seed: number;
  readonly seconds: number;
  readonly gaps: number;
  /** Access units that are declared lost. */
  readonly unitsLost: number;
  /** Steps of the protocol at which a process was killed or stopped. */
  readonly hit: readonly Point[];
  readonly recoveries: readonly Recovery[];
  /** Logs, notes and tapes. */
  readonly folder: string;
}

/** Never throws for what the product did. */
export async function runTrial(fault: Fault, seed: number, lab: Lab): Promise<Result> {
  const began = performance.now();
  const folder = join(lab.folder, `${fault.name}-${seed}`);
  await mkdir(folder, { recursive: true });
  const ledger = fault.ledger === 'server' ? await StatusOfServer.at(lab.plane!, folder) : await folderLedger(folder);
  const disk = fault.diskBytes === undefined ? undefined : await smallDisk(join(folder, 'disk'), fault.diskBytes);
  try {
    const outcome = await play({ fault, seed, lab, folder, ledger, disk });
    return { ...outcome, fault: fault.name, seed, folder, seconds: (performance.now() - began) / 1000 };
  } finally {
    await ledger.close();
    await disk?.remove();
  }
}

interface Scene {
  readonly fault: Fault;
  readonly seed: number;
  readonly lab: Lab;
  readonly folder: string;
  readonly ledger: TrialLedger;
  readonly disk: Disk | undefined;
}

async function play(scene: Scene): Promise<Omit<Result, 'fault' | 'seed' | 'folder' | 'seconds'>> {
  const late = AbortSignal.timeout(LIMIT_SECONDS * 1000);
  const signal = AbortSignal.any([late, scene.lab.signal]);
  const camera =
    scene.fault.source === 'camera'
      ? await scene.lab.camera!.publish(scene.lab.films[scene.fault.reordered ? 'file' : 'camera'], { path: basename(scene.folder) })
      : undefined;
  const random = new Random(scene.seed);
  const stage = await open(scene, random, signal);
  let judged: Judged;
  try {
    await disturb(stage, scene, random, camera);
    judged = await compare(stage, scene, signal);
  } catch (error) {
    const problem = late.aborted ? `it was not over after ${LIMIT_SECONDS} s` : (error as Error).message;
    judged = { lost: 0, doubled: 0, gaps: 0, unitsLost: 0, problems: [problem] };
  }
  const notes = [...stage.notes('agent'), ...stage.notes('counter')];
  return {
    ...judged,
    problems: [...stage.surprises, ...judged.problems],
    hit: [...new Set(notesOf(notes, 'acted').flatMap(({ acted, deed }) => (deed === 'full' ? [] : [acted])))],
    recoveries: recoveriesOf(stage),
  };
}

function open({ fault, seed, lab, folder, ledger, disk }: Scene, random: Random, signal: AbortSignal): Promise<Stage> {
  const orders = fault.orders?.(seed, random) ?? { counter: [], agent: [] };
  return Stage.open({
    folder,
    ledger,
    signal,
    models: lab.models,
    source: fault.source === 'camera' ? lab.camera!.url(basename(folder)) : lab.films.file,
    counters: fault.counters,
    bufferSeconds: fault.bufferSeconds ?? BUFFER_SECONDS,
    maxLagSeconds: fault.maxLagSeconds,
    mostWaiting: fault.mostWaiting,
    ring: join(disk?.directory ?? folder, 'ring'),
    // A disk that is really full needs nobody to say so.
    orders: disk?.mounted === true ? { counter: [], agent: [] } : orders,
  });
}

async function disturb(stage: Stage, { fault, ledger }: Scene, random: Random, camera: ChildProcess | undefined): Promise<void> {
  try {
    await stage.counted(1);
    await fault.run(stage, random, ledger);
    await (camera ? leave(stage, camera) : stage.ended(stage.agent.life));
  } finally {
    if (camera) await ended(camera);
    await stage.close();
  }
}

type Judged = Pick<Result, 'lost' | 'doubled' | 'gaps' | 'unitsLost' | 'problems'>;

/**
 * The camera goes, for a machine that is too slow would never be done with it; then the agent leaves. One whose counter
 * could not settle everything is started again, and leaves again.
 */
async function leave(stage: Stage, camera: ChildProcess): Promise<void> {
  await stage.counted(Math.max(CAMERA_UNITS, stage.progress + AFTERWARDS_UNITS));
  await ended(camera);
  for (;;) {
    await stage.caughtUp();
    const { life } = stage.agent;
    const { term } = stage;
    life.signal('SIGTERM');
    await stage.ended(life);
    const notes = stage.notes('agent');
    if (notes.slice(notes.findLastIndex((note) => 'hello' in note)).some((note) => 'finished' in note)) return;
    stage.agent.refill();
    await stage.until(() => stage.term > term);
  }
}

async function compare(stage: Stage, { fault, ledger, lab, folder }: Scene, signal: AbortSignal): Promise<Judged> {
  const committed = await ledger.read();
  const gaps = committed.counts?.gaps.count ?? 0;
  if (fault.source === 'file') return { ...judge(committed, lab.ofFile!, OF_THE_READING, fault.losesEvents), gaps, unitsLost: 0 };
  const tapes = Array.from({ length: stage.lostMemories + 1 }, (_, session) => readTape(stage.tape(session)));
  const { films, problems } = sessionsOf(stage.notes('agent'), tapes, committedSessions(stage, committed), fault.maxLagSeconds);
  const lost = films.flatMap((film) => film.gaps.map(({ after, next }) => next - after - 1)).reduce((sum, units) => sum + units, 0);
  if (lost > 0 && fault.overflows !== true) problems.push(`${lost} access units were declared lost, and the ring had room`);
  if (lost === 0 && fault.overflows === true) problems.push('no access unit was lost, and the ring should have had no room');
  const verdict = judge(
    committed,
    await countUndisturbed(films, { folder: join(folder, 'undisturbed'), models: lab.models, signal }),
    [],
    fault.losesEvents,
  );
  return { ...verdict, problems: [...problems, ...verdict.problems], gaps, unitsLost: lost };
}

/** How far each session is committed: of an earlier one, what the first counter of the next one found. */
function committedSessions(stage: Stage, { counts }: Committed): Map<string, number> {
  const found = notesOf(stage.notes('counter'), 'claimed')
    .toSorted((a, b) => a.claimed.term - b.claimed.term)
    .map(({ claimed }) => claimed.committed);
  return new Map([...found, counts].flatMap((one) => (one === undefined ? [] : [[one.session, one.position]])));
}
