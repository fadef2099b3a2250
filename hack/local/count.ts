/** `npm run count`: counts people on CameraStreams, on this machine. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { formatFault, loadCameraStreams } from '#crds/load.ts';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { shutdownSignal } from '#proto/shutdown.ts';
import { type CountOptions, HELP, readOptions } from './options.ts';
import { Progress } from './progress.ts';
import { lineTable, resultJson, resultTable } from './report.ts';
import { countLocally } from './run.ts';

/** @returns the exit code. */
export async function count(args: readonly string[], signal: AbortSignal): Promise<0 | 1 | 2> {
  let options: CountOptions | 'help';
  try {
    options = readOptions(args);
    if (options !== 'help' && options.events !== undefined && !existsSync(dirname(resolve(options.events)))) {
      throw new Error(`--events ${options.events}: its folder does not exist.`);
    }
  } catch (error) {
    return fail((error as Error).message, 2);
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const { streams, faults } = loadCameraStreams(options.files);
  if (faults.length > 0) return fail(faults.map(formatFault).join('\n'), 2);
  try {
    await requireFfmpeg();
    const progress = new Progress(process.stderr, options.quiet);
    const outcome = await countLocally(streams, options, signal, (reports, seconds) => progress.show(reports, seconds));
    progress.end(outcome.reports, outcome.seconds);
    for (const { name, failure } of outcome.reports) {
      if (failure !== undefined) process.stderr.write(`${name}: ${failure.sentence}\n`);
    }
    if (options.output === 'json') process.stdout.write(`${resultJson(outcome.reports)}\n`);
    else process.stdout.write(`\n${lineTable(outcome.reports)}\n\n${resultTable(outcome.reports, outcome.seconds)}\n`);
    return outcome.exitCode;
  } catch (error) {
    return fail((error as Error).message, 1);
  }
}

function fail(sentence: string, code: 1 | 2): 1 | 2 {
  process.stderr.write(`${sentence}\n`);
  return code;
}

if (import.meta.main) process.exitCode = await count(process.argv.slice(2), shutdownSignal());
