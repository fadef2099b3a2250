/** One trial: the product counts a film, a fault disturbs it, and its committed counts are compared. */
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ended } from '../machine/rtsp-server.ts';
import type { Fault } from './faults/fault.ts';
import { type Disk, smallDisk } from './disk.ts';
import type { Environment } from './environment.ts';
import { type Committed, folderLedger, StatusOfServer, type TrialLedger } from './ledgers.ts';
import { notesOf } from './notes.ts';
import type { Point } from './points.ts';
import { Random } from '../machine/random.ts';
import { type Recovery, recoveriesOf } from './recovery.ts';
import { countUndisturbed } from './reference.ts';
import { sessionsOf } from './sessions.ts';
import { Stage } from './stage.ts';
import { readTape } from './tape.ts';
import { judge, type Verdict } from './verdict.ts';

/** Ten times what the longest trial takes on an idle machine. */
const LIMIT_SECONDS = 600;
/** A trial with a camera runs until so many access units are counted, and some more after the last fault. */
const CAMERA_UNITS = 100;
const AFTERWARDS_UNITS = 20;
/** Longer than any fault lasts: a ring of this length loses nothing. */
const BUFFER_SECONDS = 600;
/** Fields that differ between runs over a file: each run is another session. */
const FIELDS_OF_RUN = ['session', 'time'];

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

/** A failure of the product is a problem in the result, not an error. */
export async function runTrial(fault: Fault, seed: number, environment: Environment): Promise<Result> {
  const began = performance.now();
  const folder = join(environment.folder, `${fault.name}-${seed}`);
  await mkdir(folder, { recursive: true });
  const ledger = fault.ledger === 'server' ? await StatusOfServer.at(environment.plane!, folder) : await folderLedger(folder);
  const disk = fault.diskBytes === undefined ? undefined : await smallDisk(join(folder, 'disk'), fault.diskBytes);
  try {
    const outcome = await play({ fault, seed, environment, folder, ledger, disk });
    return { ...outcome, fault: fault.name, seed, folder, seconds: (performance.now() - began) / 1000 };
  } finally {
    await ledger.close();
    await disk?.remove();
  }
}

interface TrialSetup {
  readonly fault: Fault;
  readonly seed: number;
  readonly environment: Environment;
  readonly folder: string;
  readonly ledger: TrialLedger;
  readonly disk: Disk | undefined;
}

async function play(setup: TrialSetup): Promise<Omit<Result, 'fault' | 'seed' | 'folder' | 'seconds'>> {
  const late = AbortSignal.timeout(LIMIT_SECONDS * 1000);
  const signal = AbortSignal.any([late, setup.environment.signal]);
  const camera =
    setup.fault.source === 'camera'
      ? await setup.environment.camera!.publish(setup.environment.films[setup.fault.reordered ? 'file' : 'camera'], {
          path: basename(setup.folder),
        })
      : undefined;
  const random = new Random(setup.seed);
  const stage = await open(setup, random, signal);
  let comparison: Comparison;
  try {
    await disturb(stage, setup, random, camera);
    comparison = await compare(stage, setup, signal);
  } catch (error) {
    const problem = late.aborted ? `it was not over after ${LIMIT_SECONDS} s` : (error as Error).message;
    comparison = { lost: 0, doubled: 0, gaps: 0, unitsLost: 0, problems: [problem] };
  }
  const notes = [...stage.notes('agent'), ...stage.notes('counter')];
  return {
    ...comparison,
    problems: [...stage.unexpected, ...comparison.problems],
    hit: [...new Set(notesOf(notes, 'acted').flatMap(({ acted, deed }) => (deed === 'full' ? [] : [acted])))],
    recoveries: recoveriesOf(stage),
  };
}

function open({ fault, seed, environment, folder, ledger, disk }: TrialSetup, random: Random, signal: AbortSignal): Promise<Stage> {
  const orders = fault.orders?.(seed, random) ?? { counter: [], agent: [] };
  return Stage.open({
    folder,
    ledger,
    signal,
    models: environment.models,
    source: fault.source === 'camera' ? environment.camera!.url(basename(folder)) : environment.films.file,
    counters: fault.counters,
    bufferSeconds: fault.bufferSeconds ?? BUFFER_SECONDS,
    maxLagSeconds: fault.maxLagSeconds,
    mostWaiting: fault.mostWaiting,
    ring: join(disk?.directory ?? folder, 'ring'),
    // Writes to a mounted small disk fail by themselves.
    orders: disk?.mounted === true ? { counter: [], agent: [] } : orders,
  });
}

async function disturb(stage: Stage, { fault, ledger }: TrialSetup, random: Random, camera: ChildProcess | undefined): Promise<void> {
  try {
    await stage.untilCounted(1);
    await fault.run(stage, random, ledger);
    await (camera ? endStream(stage, camera) : stage.untilEnded(stage.agent.life));
  } finally {
    if (camera) await ended(camera);
    await stage.close();
  }
}

type Comparison = Pick<Result, 'lost' | 'doubled' | 'gaps' | 'unitsLost' | 'problems'>;

/**
 * Ends the camera, because a slow machine would never catch up with it; then ends the agent. When the counter could not
 * commit everything in time, the agent is started and ended again.
 */
async function endStream(stage: Stage, camera: ChildProcess): Promise<void> {
  await stage.untilCounted(Math.max(CAMERA_UNITS, stage.progress + AFTERWARDS_UNITS));
  await ended(camera);
  for (;;) {
    await stage.untilCaughtUp();
    const { life } = stage.agent;
    const { term } = stage;
    life.signal('SIGTERM');
    await stage.untilEnded(life);
    const notes = stage.notes('agent');
    if (notes.slice(notes.findLastIndex((note) => 'hello' in note)).some((note) => 'finished' in note)) return;
    stage.agent.resume();
    await stage.until(() => stage.term > term);
  }
}

async function compare(stage: Stage, { fault, ledger, environment, folder }: TrialSetup, signal: AbortSignal): Promise<Comparison> {
  const committed = await ledger.read();
  const gaps = committed.counts?.gaps.count ?? 0;
  if (fault.source === 'file')
    return { ...judge(committed, environment.fileReference!, FIELDS_OF_RUN, fault.losesEvents), gaps, unitsLost: 0 };
  const tapes = Array.from({ length: stage.lostSessions + 1 }, (_, session) => readTape(stage.tape(session)));
  const { films, problems } = sessionsOf(stage.notes('agent'), tapes, committedSessions(stage, committed), fault.maxLagSeconds);
  const lost = films.flatMap((film) => film.gaps.map(({ after, next }) => next - after - 1)).reduce((sum, units) => sum + units, 0);
  if (lost > 0 && fault.overflows !== true) problems.push(`${lost} access units were declared lost although the ring had room`);
  if (lost === 0 && fault.overflows === true) problems.push('no access unit was lost although the ring should have been full');
  const verdict = judge(
    committed,
    await countUndisturbed(films, { folder: join(folder, 'undisturbed'), models: environment.models, signal }),
    [],
    fault.losesEvents,
  );
  return { ...verdict, problems: [...problems, ...verdict.problems], gaps, unitsLost: lost };
}

/** The last committed position of each session: of an earlier one, what the first counter of the next session found. */
function committedSessions(stage: Stage, { counts }: Committed): Map<string, number> {
  const found = notesOf(stage.notes('counter'), 'claimed')
    .toSorted((a, b) => a.claimed.term - b.claimed.term)
    .map(({ claimed }) => claimed.committed);
  return new Map([...found, counts].flatMap((one) => (one === undefined ? [] : [[one.session, one.position]])));
}
