/** What all trials of a run share: films, models, an RTSP server, an API server, and the counts of an undisturbed file. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { findRtspServer, RtspServer, withoutRtspServer } from '../machine/rtsp-server.ts';
import { ControlPlane, findControlPlane, withoutControlPlane } from '../machine/control-plane.ts';
import type { Fault } from './faults/fault.ts';
import { type Films, KNOWN_COUNTS, makeFilms } from './film.ts';
import { type Committed, folderLedger } from './ledgers.ts';
import { makeModels } from './model.ts';
import { Stage } from './stage.ts';

/** For the undisturbed run: ten times what it takes on an idle machine. */
const LIMIT_SECONDS = 120;

export interface Environment {
  readonly folder: string;
  readonly films: Films;
  /** A directory. */
  readonly models: string;
  readonly camera: RtspServer | undefined;
  readonly plane: ControlPlane | undefined;
  /** What an undisturbed run commits for the file. */
  readonly fileReference: Committed | undefined;
  readonly signal: AbortSignal;
}

/** @returns what this machine lacks for a fault. @throws Error when the environment requires it. */
export function missingFor({ source, ledger }: Fault): string | undefined {
  if (source === 'camera' && findRtspServer() === undefined) return `a camera ${String(withoutRtspServer())}`;
  if (ledger === 'server' && findControlPlane() === undefined) return `an API server ${String(withoutControlPlane())}`;
  return undefined;
}

export async function withEnvironment<T>(
  faults: readonly Fault[],
  signal: AbortSignal,
  work: (environment: Environment) => Promise<T>,
): Promise<T> {
  await requireFfmpeg();
  const folder = await mkdtemp(join(tmpdir(), 'footfall-trials-'));
  const [films, models] = await Promise.all([makeFilms(folder), makeModels(folder)]);
  const needs = (holds: (fault: Fault) => boolean) => faults.some(holds);
  const camera = needs(({ source }) => source === 'camera') ? await RtspServer.start() : undefined;
  let plane: ControlPlane | undefined;
  try {
    plane = needs(({ ledger }) => ledger === 'server') ? await ControlPlane.start() : undefined;
    const fileReference = needs(({ source }) => source === 'file') ? await countFile({ films, models, folder, signal }) : undefined;
    return await work({ folder, films, models, camera, plane, fileReference, signal });
  } finally {
    await camera?.stop();
    await plane?.stop();
    await Promise.all([...Object.values(films), models].map((path: string) => rm(path, { recursive: true })));
    // The folders of failed trials stay.
    await rmdir(folder).catch(() => undefined);
  }
}

/** @throws Error when the film is not counted in time, or its counts are not the known ones. */
async function countFile({
  films,
  models,
  ...environment
}: Pick<Environment, 'films' | 'models' | 'folder' | 'signal'>): Promise<Committed> {
  const late = AbortSignal.timeout(LIMIT_SECONDS * 1000);
  const signal = AbortSignal.any([environment.signal, late]);
  const folder = join(environment.folder, 'undisturbed');
  await mkdir(folder);
  const ledger = await folderLedger(folder);
  const stage = await Stage.open({
    folder,
    models,
    ledger,
    signal,
    source: films.file,
    counters: 1,
    bufferSeconds: 60,
    maxLagSeconds: undefined,
    ring: join(folder, 'ring'),
    orders: { counter: [], agent: [] },
  });
  try {
    await stage.untilEnded(stage.agent.life);
  } catch (error) {
    throw late.aborted ? new Error(`The film was not counted within ${LIMIT_SECONDS} s. Logs are in ${folder}.`) : error;
  } finally {
    await stage.close();
  }
  const committed = await ledger.read();
  const { counts } = committed;
  if (JSON.stringify(counts?.lines) !== JSON.stringify(KNOWN_COUNTS))
    throw new Error(`The film is counted as ${JSON.stringify(counts?.lines)}. Logs are in ${folder}.`);
  await rm(folder, { recursive: true });
  return committed;
}
