/** `npm run count`: counts people on CameraStreams, on this machine. */
import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import process from 'node:process';
import { formatFault, loadCameraStreams } from '#crds/load.ts';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import { BadInput } from './events.ts';
import { type CountOptions, HELP, readOptions } from './options.ts';
import { Progress } from './progress.ts';
import { lineTable, resultJson, resultTable } from './report.ts';
import { countLocally } from './run.ts';

/** @returns the exit code. */
export async function count(args: readonly string[], signal: AbortSignal): Promise<0 | 1 | 2> {
  let options: CountOptions | 'help';
  try {
    options = readOptions(args);
    if (options !== 'help') refuseUnwritable(options);
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
    const outcome = await countLocally(streams, options, signal, progress);
    progress.end(outcome.reports, outcome.seconds);
    for (const { name, failure } of outcome.reports) {
      if (failure !== undefined) process.stderr.write(`${name}: ${failure.sentence}\n`);
    }
    if (options.output === 'json') process.stdout.write(`${resultJson(outcome.reports)}\n`);
    else process.stdout.write(`\n${lineTable(outcome.reports)}\n\n${resultTable(outcome.reports, outcome.seconds)}\n`);
    return outcome.exitCode;
  } catch (error) {
    return fail((error as Error).message, error instanceof BadInput ? 2 : 1);
  }
}

/** Better now than after an hour of counting. */
function refuseUnwritable({ events, ledger }: CountOptions): void {
  const attempt = (option: string, write: () => unknown): void => {
    try {
      write();
    } catch (error) {
      throw new Error(`${option} cannot be written: ${(error as Error).message}.`, { cause: error });
    }
  };
  if (events !== undefined) attempt(`--events ${events}`, () => closeSync(openSync(events, 'a')));
  if (ledger !== undefined)
    attempt(`--ledger ${ledger}`, () => accessSync(mkdirSync(ledger, { recursive: true }) ?? ledger, constants.W_OK));
}

function fail(sentence: string, code: 1 | 2): 1 | 2 {
  process.stderr.write(`${sentence}\n`);
  return code;
}

if (import.meta.main) process.exitCode = await count(process.argv.slice(2), shutdownSignal());
