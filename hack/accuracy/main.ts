/** `npm run accuracy`: measures counting on an annotated video, and compares it with the best figures so far. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadInput, type ExitCode, parseOptions, runAsProcess } from '../../local/command.ts';
import { accuracyOf, agreement } from './matching.ts';
import { pipelineCrossings } from './pipeline.ts';
import { accuracyReport, accuracyRow, agreesWithDataSet } from './report.ts';
import { dataFolder, readSequence } from './sequence.ts';

const HELP = `usage: npm run accuracy -- [options]

Counts the crossings of PETS09-S2L1 (not part of this project) and compares them with its truth, event by event: same
line, same direction, within 1.5 s.

  --data DIRECTORY   holds pets09-s2l1/{vtest.avi,truth.json,gt,det} (default: $FOOTFALL_DATA, ../shared/data)
  --tracker          only the tracker, on stored detections and under disturbances: seconds instead of a minute
  --update           store these figures as the best ones (hack/accuracy/ratchet.json)

Exit codes: 0 no figure fell, 1 one did, 2 bad input.
`;

const ratchetFile = fileURLToPath(new URL('ratchet.json', import.meta.url));
interface Ratchet {
  readonly together: number;
  readonly alone: number;
}

interface Options {
  readonly data: string | undefined;
  readonly tracker: boolean;
  readonly update: boolean;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseOptions({
    args: [...args],
    options: { data: { type: 'string' }, tracker: { type: 'boolean', default: false }, update: { type: 'boolean', default: false } },
  });
  return { data: values.data, tracker: values.tracker, update: values.update };
}

async function run({ data, tracker, update }: Options, signal: AbortSignal): Promise<ExitCode> {
  const folder = dataFolder(data);
  const sequence = readSequence(folder);
  if (sequence === undefined)
    throw new BadInput(`There is no PETS09-S2L1 data in ${folder}: name the folder that holds pets09-s2l1 with --data.`);
  if (!agreesWithDataSet(sequence)) {
    console.error("The counter's rule on the annotated boxes does not give the crossings that truth.json states: one of them is wrong.");
    return 1;
  }
  if (tracker) {
    for (const line of accuracyReport(sequence)) console.log(line);
    return 0;
  }
  console.error('Counting five streams through agents and counter, about a minute ...');
  const counted = await pipelineCrossings(join(folder, 'vtest.avi'), sequence, signal);
  const measured = {
    together: report('all lines in one stream', counted.together),
    alone: report('each line in a stream of its own (detection.region: auto)', counted.alone),
  };
  return judge(measured, update);

  function report(title: string, crossings: typeof counted.together): number {
    console.log(`\n${title}`);
    for (const { name } of sequence!.lines) {
      const of = <T extends { line: string }>(events: readonly T[]) => events.filter((event) => event.line === name);
      console.log(accuracyRow(name, accuracyOf(agreement(of(crossings), of(sequence!.truth)))));
    }
    const overall = accuracyOf(agreement(crossings, sequence!.truth));
    console.log(accuracyRow('all', overall));
    return Math.floor(overall.f1 * 1000) / 1000;
  }
}

function judge(measured: Ratchet, update: boolean): 0 | 1 {
  if (update) {
    writeFileSync(ratchetFile, `${JSON.stringify(measured, undefined, 2)}\n`);
    return 0;
  }
  const best = JSON.parse(readFileSync(ratchetFile, 'utf8')) as Ratchet;
  const fallen = (['together', 'alone'] as const).filter((figure) => measured[figure] < best[figure]);
  for (const figure of fallen) console.error(`F1 of "${figure}" fell from ${best[figure]} to ${measured[figure]}.`);
  return fallen.length > 0 ? 1 : 0;
}

await runAsProcess({ help: HELP, readOptions, run });
