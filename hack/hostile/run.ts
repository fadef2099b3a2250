/**
 * A real counter, two legal streams, and all attacks at once. The promises: the legal streams' counts are exact, the memory of
 * the counter with its decoders and inference stays below twice that without attacks, and the counter's metrics count every
 * refusal with its reason.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '#proto/process/backoff.ts';
import { entrance, readClip } from '../../counter-service/src/fixtures/clip.ts';
import type { Child } from '../../local/child.ts';
import { startCounter } from '../machine/counter.ts';
import { memoryOfTree } from '../machine/processes.ts';
import { ATTACKS, type Target } from './attacks.ts';
import { type LegalResult, playLegal } from './legal.ts';

const LEGAL = ['door', 'gate'];
const OWN = 'theirs';
/** A heap grows for so long without any attack. */
const REST_SECONDS = 30;
const LOOK_MS = 200;

export interface Outcome {
  readonly legal: readonly LegalResult[];
  readonly megabytes: { readonly rest: number; readonly most: number };
  /** How many times each attack ran. */
  readonly attacks: Readonly<Record<string, number>>;
  readonly refusals: { readonly heard: number; readonly counted: Readonly<Record<string, number>> };
}

export async function runHostile(seconds: number, signal: AbortSignal): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-hostile-'));
  const { counter } = await startCounter({
    folder,
    streams: [...LEGAL, OWN].map((name) => ({ name, spec: { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [entrance] } })),
    config: {
      inference: { provider: 'cpu', workers: 1 },
      maxStreams: 4,
      door: { connections: 200, connectionsPerPeer: 30, acceptedWithinSeconds: 5 },
      logLevel: 'error',
    },
  });
  const over = new AbortController();
  try {
    const [port, http, clip] = await Promise.all([counter.announced<number>('counter'), counter.announced<number>('http'), readClip()]);
    const either = AbortSignal.any([signal, over.signal]);
    const legal = LEGAL.map((name) => playLegal(port, nameOf(name), clip, either));
    // The attackers' own stream is counted, too, before they misuse it: its decoder is none of their doing.
    const rested = new AbortController();
    const own = playLegal(port, nameOf(OWN), clip, AbortSignal.any([either, rested.signal]));
    const counting = [...legal, own].map((one) => one.counting);
    const rest = await mostMemory(counter, Promise.all([pause(REST_SECONDS, either), ...counting]));
    rested.abort(new Error('the counter has rested'));
    await own.result;
    const attacks: Record<string, number> = {};
    let heard = 0;
    const attacking = Object.keys(ATTACKS).map((name, index) =>
      attack(name, { port, address: `127.0.0.${10 + index}`, clip, own: nameOf(OWN), onRefusal: () => (heard += 1) }, attacks, either),
    );
    const most = await mostMemory(counter, pause(seconds, either));
    over.abort(new Error('it is over'));
    const results = await Promise.all(legal.map(({ result }) => result));
    await Promise.all(attacking);
    const page = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    return { legal: results, megabytes: { rest, most }, attacks, refusals: { heard, counted: refusalsOf(page) } };
  } finally {
    over.abort(new Error('it is over'));
    await counter.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns a sentence for each broken promise. */
export function broken({ legal, megabytes, attacks, refusals }: Outcome): string[] {
  const counted = Object.values(refusals.counted).reduce((sum, value) => sum + value, 0);
  const unspecified = refusals.counted['REFUSAL_REASON_UNSPECIFIED'] ?? 0;
  return [
    ...legal.flatMap(({ trouble }) => (trouble === undefined ? [] : [`A legal stream had trouble: ${trouble}.`])),
    ...legal.flatMap(({ rounds, counted: people }) => (people === rounds ? [] : [`${people} people were counted, and ${rounds} came in.`])),
    ...(megabytes.most < 2 * megabytes.rest ? [] : [`The counter took ${megabytes.most} MB, twice its ${megabytes.rest} MB at rest.`]),
    ...Object.keys(ATTACKS).flatMap((name) => (attacks[name] ? [] : [`This attack did not run: ${name}.`])),
    ...(refusals.heard > 0 && counted >= refusals.heard
      ? []
      : [`The attacks received ${refusals.heard} refusals, and the counter counted ${counted}.`]),
    ...(unspecified > 0 ? [`${unspecified} refusals had no reason.`] : []),
  ];
}

async function attack(name: string, target: Target, made: Record<string, number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await ATTACKS[name]!(target, signal);
    made[name] = (made[name] ?? 0) + 1;
    await pause(0.1, signal);
  }
}

/**
 * The most memory of the counter and its child processes until `during` settles, in megabytes. Resident, because what pages
 * they share with other processes of the machine changes as those come and go.
 */
async function mostMemory(counter: Child, during: Promise<unknown>): Promise<number> {
  let most = 0;
  const looking = setInterval(() => (most = Math.max(most, memoryOfTree(counter.process.pid!).resident / 1e6)), LOOK_MS);
  await during.finally(() => clearInterval(looking));
  return Math.round(most);
}

function refusalsOf(page: string): Record<string, number> {
  const lines = page.matchAll(/^footfall_counter_(?:refusals|connections_cut)_total\{reason="(\w+)"\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason!, Number(count)]));
}

function nameOf(name: string) {
  return { namespace: 'default', name, uid: `uid-${name}` };
}
