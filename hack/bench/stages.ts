/** The cost of each stage of a frame, the rate that these costs allow, and the chain's share of that rate. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type ChainRun, costOf, everyFrame, runChain, shortClip } from './chain.ts';
import { allowedCores, runOn } from '../machine/processes.ts';
import { type Bench, median, type Row } from './rows.ts';

const MODEL = 'rtmdet-nano-person';
const LEAST_SHARE_OF_LIMIT = 0.85;

export interface StagesTask {
  readonly clip: string;
  readonly lines: Bench['clip']['lines'];
  readonly framesPerSecond: number;
  readonly model: string;
}

/** CPU milliseconds for a frame, except for the first two fields. */
export interface StageCosts {
  readonly shape: string;
  readonly rawRunsPerSecond: number;
  readonly decoding: number;
  readonly reading: number;
  readonly preprocessing: number;
  readonly inference: number;
  readonly postprocessing: number;
  readonly counting: number;
}

interface Round {
  readonly alone: StageCosts;
  readonly short: ChainRun;
  readonly one: ChainRun;
  readonly two: ChainRun | undefined;
}

export async function stages(bench: Bench): Promise<Row[]> {
  const rounds: Round[] = [];
  const short = await shortClip(bench);
  for (let round = 1; round <= bench.rounds; round += 1) {
    bench.say(`stages: round ${round} of ${bench.rounds}`);
    rounds.push(await measureRound(bench, short));
  }
  return rowsOf(rounds);
}

async function measureRound(bench: Bench, short: string): Promise<Round> {
  const { clip, signal } = bench;
  const cores = allowedCores();
  const task = { lines: clip.lines, framesPerSecond: everyFrame(clip) };
  const script = fileURLToPath(new URL('stages-process.ts', import.meta.url));
  const argument = JSON.stringify({ ...task, clip: clip.path, model: MODEL } satisfies StagesTask);
  const alone = await runOn(cores.slice(0, 1), [process.execPath, '--disable-warning=ExperimentalWarning', script, argument], signal);
  const chain = (path: string, count: number) => runChain({ ...task, clip: path, region: 'full' }, cores.slice(0, count), bench);
  return {
    alone: JSON.parse(alone.stdout) as StageCosts,
    short: await chain(short, 1),
    one: await chain(clip.path, 1),
    two: cores.length > 1 ? await chain(clip.path, 2) : undefined,
  };
}

function rowsOf(rounds: readonly Round[]): Row[] {
  const of = (value: (round: Round) => number) => median(rounds.map(value));
  const { shape } = rounds[0]!.alone;
  return [
    { what: 'session.run alone, one thread', value: of(({ alone }) => alone.rawRunsPerSecond), unit: 'frames/s', note: `at ${shape}` },
    ...Object.keys(costsOf(rounds[0]!)).map((what) => ({ what, value: of((round) => costsOf(round)[what]!), unit: 'ms CPU' })),
    {
      what: 'gRPC, pipes, the rest of the chain',
      value: of((round) => slope(round, 'total') - frameMs(round)),
      unit: 'ms CPU',
      note: 'not in the limit',
    },
    ...rateRows(rounds, 1, ({ one }) => one),
    ...(rounds[0]!.two === undefined ? [] : rateRows(rounds, 2, ({ two }) => two!)),
  ].map((row) => ({ part: 'stages', ...row }));
}

/** CPU milliseconds of a frame, by stage. */
function costsOf(round: Round): Record<string, number> {
  const { alone } = round;
  return {
    'reading and sending (agent)': slope(round, 'agent'),
    'decoding, picking, scaling (ffmpeg)': alone.decoding,
    'reading pixels': alone.reading,
    preprocessing: alone.preprocessing,
    inference: alone.inference,
    postprocessing: alone.postprocessing,
    'tracking and counting': alone.counting,
  };
}

function frameMs(round: Round): number {
  return Object.values(costsOf(round)).reduce((sum, cost) => sum + cost, 0);
}

function slope({ short, one }: Round, cpu: 'agent' | 'total'): number {
  return costOf({ frames: short.frames, cpuMs: short.cpuMs[cpu] }, { frames: one.frames, cpuMs: one.cpuMs[cpu] }).frameMs;
}

/** Compares the rate of each round with the limit of the same round. */
function rateRows(rounds: readonly Round[], cores: 1 | 2, run: (round: Round) => ChainRun): Omit<Row, 'part'>[] {
  const name = cores === 1 ? 'one core' : 'two cores';
  const limit = (round: Round) => (1000 * cores) / frameMs(round);
  const rate = (round: Round) => run(round).framesPerSecond;
  const shares = rounds.map((round) => rate(round) / limit(round));
  return [
    { what: `limit of ${name}`, value: median(rounds.map(limit)), unit: 'frames/s' },
    { what: `chain on ${name}`, value: median(rounds.map(rate)), unit: 'frames/s' },
    {
      what: `share of the limit, ${name}`,
      value: median(shares),
      unit: '',
      target: { least: LEAST_SHARE_OF_LIMIT },
      note: `rounds: ${shares.map((share) => share.toFixed(2)).join(', ')}`,
    },
  ];
}
