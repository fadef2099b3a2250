/** `footfall count`: counts people on CameraStreams, on this machine. */
import { isatty } from 'node:tty';
import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs';
import type { LoadedStream } from '#crds/load.ts';
import { isLive, kindOf } from '#crds/source-kinds.ts';
import { BadInput, type Command } from './command.ts';
import { chooseFfmpeg } from './ffmpeg.ts';
import { type CountOptions, OPTIONS_HELP, readOptions } from './options.ts';
import { Progress } from './progress.ts';
import { findingLines, lineTable, resultJson, resultTable } from './report.ts';
import { countLocally } from './run.ts';
import { sentencesOf, validateFiles, warningsOf, warningText } from './validate.ts';

const HELP = `usage: footfall count FILE... [options]

Counts people on the CameraStreams of YAML files, on this machine: an edge agent for each stream, one counter.
Ends when every file source has ended, or on Ctrl-C. With --ledger, the next run goes on where this one ended; a file that
was counted to its end is not counted again.

${OPTIONS_HELP}
Exit codes: 0 done, 1 failed (a camera could not be reached, a file was cut short or interrupted), 2 bad input.
`;

export const count: Command<CountOptions> = {
  help: HELP,
  readOptions: (args) => {
    const options = readOptions(args);
    checkWritable(options);
    return options;
  },
  run: async (options, signal, { stdout, stderr }) => {
    const { streams, faults, passedOver } = await validateFiles(options.files, options.models);
    if (passedOver.length > 0) stderr.write(`${sentencesOf(passedOver)}\n`);
    if (faults.length > 0) throw new BadInput(sentencesOf(faults));
    checkInput(streams);
    stderr.write(warningText(warningsOf(streams)));
    const cameras = streams.some(({ stream }) => isLive(stream.spec.source.url));
    const ffmpeg = await chooseFfmpeg({ cameras, allowOld: options.allowOldFfmpeg });
    if (ffmpeg.notice !== undefined) stderr.write(`${ffmpeg.notice}\n`);
    const progress = new Progress(stderr, options.quiet);
    const outcome = await countLocally(streams, { ...options, environment: ffmpeg.environment }, signal, progress);
    progress.end(outcome.reports, outcome.seconds);
    stderr.write(findingLines(outcome.reports));
    if (options.output === 'json') stdout.write(`${resultJson(outcome.reports)}\n`);
    else stdout.write(`\n${lineTable(outcome.reports)}\n\n${resultTable(outcome.reports, outcome.seconds)}\n`);
    return outcome.exitCode;
  },
};

/** Video on standard input is for one stream. */
function checkInput(streams: readonly LoadedStream[]): void {
  const readers = streams.filter(({ stream }) => kindOf(stream.spec.source.url) === 'stdin');
  const [first, second] = readers.map(({ stream }) => stream.metadata.name);
  if (second !== undefined)
    throw new BadInput(`Standard input can be read by one CameraStream, and ${first} and ${second} name it as their source.`);
  if (first !== undefined && isatty(0))
    throw new BadInput(`${first} counts video on standard input, which is a terminal: pipe video to it.`);
}

/** Names of what this process has open: the counter, which writes the events, is another one. */
const DESCRIPTOR = /^(\/dev\/(stdin|stdout|stderr|fd\/.*)|\/proc\/self\/.*)$/;

/** Before counting, not after an hour of it. */
function checkWritable({ events, ledger }: CountOptions): void {
  const attempt = (option: string, write: () => unknown): void => {
    try {
      write();
    } catch (error) {
      throw new Error(`${option} cannot be written: ${(error as Error).message}.`, { cause: error });
    }
  };
  if (events !== undefined && DESCRIPTOR.test(events))
    throw new Error(`--events ${events} cannot be written by the counter, which is another process: name a file, or a pipe of mkfifo.`);
  if (events !== undefined)
    attempt(`--events ${events}`, () => {
      // A pipe is not opened: its reader would take the closing for the end.
      if (statSync(events, { throwIfNoEntry: false })?.isFile() === false) accessSync(events, constants.W_OK);
      else closeSync(openSync(events, 'a'));
    });
  if (ledger !== undefined)
    attempt(`--ledger ${ledger}`, () => accessSync(mkdirSync(ledger, { recursive: true }) ?? ledger, constants.W_OK));
}
