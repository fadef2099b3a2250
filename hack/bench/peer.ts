/** Compares the chain with a pipeline of the usual Python libraries (peer/peer.py): same clip, same model, one core, in turns. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel } from '../../counter-service/src/detection/manifest.ts';
import { fullPicturePlan, type Size } from '../../counter-service/src/detection/plan.ts';
import { accuracyOf, agreement, type TimedCrossing } from '../accuracy/matching.ts';
import { type ChainTask, type Cost, costOf, everyFrame, runChain, shortClip } from './chain.ts';
import type { Clip } from './clip.ts';
import { allowedCores, runOn } from '../machine/processes.ts';
import { type Bench, median, type Row } from './rows.ts';

const MOST_OF_PEER = { full: 1, auto: 0.5 };
const MODEL = 'rtmdet-nano-person';

const folder = fileURLToPath(new URL('peer', import.meta.url));
const modelsFolder = fileURLToPath(new URL('../../models', import.meta.url));
const environment = fileURLToPath(new URL('../../.cache/bench-peer', import.meta.url));

interface Measured {
  readonly frames: number;
  readonly cpuMs: number;
  readonly crossings: readonly TimedCrossing[];
}

interface Contender {
  readonly name: string;
  readonly lines: Clip['lines'];
  readonly run: (clip: string) => Promise<Measured>;
}

interface Result {
  readonly cost: Cost;
  readonly long: Measured;
}

export async function peer(bench: Bench): Promise<Row[]> {
  const python = await preparePython(bench);
  const contenders = await contendersFor(bench, python);
  const short = await shortClip(bench);
  const rounds: Result[][] = [];
  for (let round = 1; round <= bench.rounds; round += 1) {
    const results: Result[] = [];
    for (const { name, run } of contenders) {
      bench.say(`peer: round ${round} of ${bench.rounds}: ${name}`);
      const begun = await run(short);
      const long = await run(bench.clip.path);
      results.push({ cost: costOf(begun, long), long });
    }
    rounds.push(results);
  }
  return rowsOf(contenders, rounds, bench.clip);
}

/** The peer at the model's full input, as is usual, and at the part of it that the picture fills, as the counter uses. */
async function contendersFor(bench: Bench, python: string): Promise<Contender[]> {
  const { clip } = bench;
  const {
    manifest: { input },
    path,
  } = await loadModel(modelsFolder, MODEL);
  const core = allowedCores().slice(0, 1);
  const framesPerSecond = everyFrame(clip);
  const [fitted, oneLine] = [fullPicturePlan(clip.codec, input).input, clip.lines.slice(0, 1)];
  const padding = input.resize.fit === 'pad' ? input.resize.value : 0;
  const peerAt = ({ width, height }: Size): Contender => ({
    name: `peer at ${width}x${height}`,
    lines: clip.lines,
    run: async (of) => {
      const task = {
        clip: of,
        framesPerSecond,
        model: path,
        input: { width, height, mean: input.mean, std: input.std, padding },
        lines: clip.lines,
      };
      return readPeer(await runOn(core, [python, join(folder, 'peer.py'), JSON.stringify(task)], bench.signal));
    },
  });
  const ours = (name: string, { lines, region }: Pick<ChainTask, 'lines' | 'region'>): Contender => ({
    name,
    lines,
    run: async (of) => {
      const run = await runChain({ clip: of, lines, framesPerSecond, region }, core, bench);
      return { frames: run.frames, cpuMs: run.cpuMs.total, crossings: run.crossings };
    },
  });
  return [
    peerAt(input),
    ours('chain, full picture', { lines: clip.lines, region: 'full' }),
    ours('chain, one line, auto', { lines: oneLine, region: 'auto' }),
    ...(fitted.width === input.width && fitted.height === input.height ? [] : [peerAt(fitted)]),
  ];
}

function readPeer({ stdout, cpuMs }: { stdout: string; cpuMs: number }): Measured {
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const { frames } = lines.pop() as { frames: number };
  return { frames, cpuMs, crossings: lines as TimedCrossing[] };
}

function rowsOf(contenders: readonly Contender[], rounds: readonly (readonly Result[])[], clip: Clip): Row[] {
  const part = 'peer';
  const of = (index: number, value: (result: Result) => number) => median(rounds.map((round) => value(round[index]!)));
  const ratio = (index: number, value: (result: Result) => number) =>
    median(rounds.map((round) => value(round[index]!) / value(round[0]!)));
  const frameMs = ({ cost }: Result) => cost.frameMs;
  const wholeMs = ({ long }: Result) => long.cpuMs / long.frames;
  const rows = contenders.flatMap(({ name, lines }, index): Row[] => {
    const f1 = f1Of(rounds[0]![index]!.long.crossings, lines, clip);
    return [
      { part, what: `${name}: a frame`, value: of(index, frameMs), unit: 'ms CPU' },
      { part, what: `${name}: the start`, value: of(index, ({ cost }) => cost.startMs), unit: 'ms CPU' },
      ...(f1 === undefined ? [] : [{ part, what: `${name}: F1`, value: f1, unit: '', note: `${lines.length} line(s)` }]),
    ];
  });
  const against = (index: number, what: string, most: number): Row[] => [
    { part, what: `${what} / peer, a frame`, value: ratio(index, frameMs), unit: '', target: { most } },
    { part, what: `${what} / peer, clip with start`, value: ratio(index, wholeMs), unit: '' },
  ];
  return [...rows, ...against(1, 'full picture', MOST_OF_PEER.full), ...against(2, 'one line, auto', MOST_OF_PEER.auto)];
}

function f1Of(crossings: readonly TimedCrossing[], lines: Clip['lines'], { truth }: Clip): number | undefined {
  const of = (event: TimedCrossing) => lines.some((line) => line.name === event.line);
  return truth && accuracyOf(agreement(crossings.filter(of), truth.filter(of))).f1;
}

/** Makes a virtual environment from requirements.txt, if it is missing or requirements.txt has changed. */
async function preparePython({ say, signal }: Bench): Promise<string> {
  const python = join(environment, 'bin/python');
  const requirements = join(folder, 'requirements.txt');
  const stamp = join(environment, 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  say(`peer: installing its Python packages in ${environment}`);
  await mkdir(environment, { recursive: true });
  const cores = allowedCores();
  const step = async (command: readonly string[], advice: string) => {
    await runOn(cores, command, signal).catch((error: Error) => {
      throw new Error(`The peer needs ${advice}: ${error.message}`, { cause: error });
    });
  };
  await step(['python3', '-m', 'venv', '--clear', environment], 'python3 with venv (Debian and Ubuntu: apt-get install python3-venv)');
  await step(
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
    'the packages of hack/bench/peer/requirements.txt from a Python package index',
  );
  writeFileSync(stamp, wanted);
  return python;
}
