/** `npm run bench`: what the product costs, beside what it should cost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { type Bounds, parseOptions, runAsProcess, wholeNumber } from '../../local/command.ts';
import { agent } from './agent.ts';
import { away } from './away.ts';
import { type Clip, describeClip, findClip } from './clip.ts';
import { killed } from './killed.ts';
import { latency } from './latency.ts';
import { peer } from './peer.ts';
import { allowedCores, busyMs, cpuOf } from '../machine/processes.ts';
import { type Bench, isMet, type Part, type Row, rowTable } from './rows.ts';
import { quiet } from './quiet.ts';
import { stages } from './stages.ts';
import { wire } from './wire.ts';

const parts: Readonly<Record<string, Part>> = { stages, peer, wire, agent, latency, away, quiet, killed };

const HELP = `usage: npm run --silent bench -- [part...] [options]

Measures the product on this machine (Linux) and prints one table. All parts, or those named:

  stages   CPU of each stage that a frame passes, the rate which that allows, and the rate of the chain
  peer     the chain against OpenCV, onnxruntime and supervision in Python, on one core
  wire     bytes a second between agent and counter
  agent    CPU and memory of the agent at a live camera (needs MediaMTX)
  latency  from sending an access unit to its counts at the site (needs MediaMTX)
  away     the agent's memory and the gap when the counter does not respond for two minutes (needs MediaMTX)
  quiet    writes to the ledger and the agent's ring over a minute of an empty room (needs MediaMTX)
  killed   how long a killed counter, a killed agent and a counter that has to end interrupt counting (needs MediaMTX)

  --clip FILE    what to measure on (default: PETS09-S2L1 from $FOOTFALL_DATA or ../shared/data, else the sample);
                 a truth.json beside it names lines and their crossings
  --rounds N     how often stages and peer are repeated (default: 3)
  --seconds N    how long a live camera is watched (default: 60)
  --json         print JSON
  --help         show this

Exit codes: 0 all targets met, 1 a target was missed or a part failed, 2 bad input.
`;

const TIMES: Bounds = { least: 1, most: 9999 };

interface Options {
  readonly parts: readonly string[];
  readonly clip: Clip;
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

async function run({ parts: names, clip, rounds, seconds, json }: Options, signal: AbortSignal): Promise<0 | 1> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-bench-'));
  const bench: Bench = { clip, rounds, seconds, folder, signal, say };
  const rows: Row[] = [];
  const failures: string[] = [];
  try {
    say(describeClip(clip));
    for (const name of names) {
      if (signal.aborted) break;
      try {
        rows.push(...(await withOthers(name, () => parts[name]!(bench))));
      } catch (error) {
        failures.push(`${name}: ${signal.aborted ? 'stopped' : (error as Error).message}`);
        say(failures.at(-1)!);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const judged = rows.map((row) => ({ ...row, met: isMet(row) }));
  process.stdout.write(
    json ? `${JSON.stringify({ clip: describeClip(clip), rows: judged, failures })}\n` : rows.length > 0 ? `${rowTable(rows)}\n` : '',
  );
  return failures.length > 0 || judged.some(({ met }) => met === false) ? 1 : 0;
}

/** A part's rows, and what everything else on the machine took meanwhile: where that is much, the rates are too low. */
async function withOthers(part: string, measure: () => Promise<Row[]>): Promise<Row[]> {
  const cores = allowedCores();
  const read = () => {
    const { own, reaped } = cpuOf('self');
    return { othersMs: busyMs(cores) - own - reaped, at: performance.now() };
  };
  const before = read();
  const rows = await measure();
  const after = read();
  const percent = (100 * (after.othersMs - before.othersMs)) / ((after.at - before.at) * cores.length);
  return [...rows, { part, what: 'other processes meanwhile', value: Math.max(0, percent), unit: '% of the cores' }];
}

/** @throws Error with one sentence. */
async function readOptions(args: readonly string[]): Promise<Options> {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !(name in parts));
  if (unknown !== undefined) throw new Error(`There is no part ${unknown}; there are ${Object.keys(parts).join(', ')}.`);
  const rounds = wholeNumber('--rounds', values.rounds, TIMES);
  const seconds = wholeNumber('--seconds', values.seconds, TIMES);
  if (process.platform !== 'linux') throw new Error('The benchmarks read /proc: they need Linux.');
  await requireFfmpeg();
  return {
    parts: positionals.length > 0 ? positionals : Object.keys(parts),
    clip: await findClip(values.clip),
    rounds,
    seconds,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      clip: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
    },
  });
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

await runAsProcess({ help: HELP, readOptions, run });
