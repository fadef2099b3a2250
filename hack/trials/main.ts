/** `npm run trials`: kills processes at any instant and at every step of the protocol, and checks the counts. */
import { rm } from 'node:fs/promises';
import process from 'node:process';
import { runAsProcess } from '../../local/command.ts';
import { faultNamed, ROUND } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { type Environment, missingFor, withEnvironment } from './environment.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { lineOf, summaryOf, tableOf } from './report.ts';
import { type Result, runTrial } from './trial.ts';

interface Planned {
  readonly fault: Fault;
  readonly seed: number;
}

/** Round after round of all faults; each trial has a seed of its own, so that it can be repeated alone. */
function planOf({ seed, trials, fault }: Options): Planned[] {
  return Array.from({ length: trials }, (_, index) => ({
    fault: fault === undefined ? ROUND[index % ROUND.length]! : faultNamed(fault),
    seed: seed + index,
  }));
}

async function run(options: Options, signal: AbortSignal): Promise<0 | 1> {
  const began = performance.now();
  const plan = planOf(options);
  const lacking = new Map(plan.map(({ fault }) => [fault.name, missingFor(fault)]));
  for (const [name, lack] of lacking) if (lack !== undefined) say(`${name} is skipped: ${lack}.`);
  const possible = plan.filter(({ fault }) => lacking.get(fault.name) === undefined);
  const results = await withEnvironment(
    possible.map(({ fault }) => fault),
    signal,
    (environment) => runAll(possible, environment, options),
  );
  const summary = summaryOf(results, (performance.now() - began) / 1000);
  // Only a whole round hits at every step.
  const whole = options.fault === undefined && possible.length >= ROUND.length && possible.length === plan.length;
  if (options.json) process.stdout.write(`${JSON.stringify({ ...summary, results }, undefined, 2)}\n`);
  else process.stdout.write(`\n${tableOf(whole ? summary : { ...summary, notHit: [] })}\n`);
  return summary.failed > 0 || (whole && summary.notHit.length > 0) || signal.aborted ? 1 : 0;
}

async function runAll(plan: readonly Planned[], environment: Environment, { atOnce, keep }: Options): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...plan];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined && !environment.signal.aborted; next = waiting.shift()) {
      const result = await runTrial(next.fault, next.seed, environment);
      results.push(result);
      say(lineOf(result));
      if (result.problems.length === 0 && !keep) await rm(result.folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

await runAsProcess({ help: HELP, readOptions, run });
