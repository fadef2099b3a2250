/** `npm run accuracy`: measures counting on an annotated video, and compares it with the best figures so far. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shutdownSignal } from '#proto/process/shutdown.ts';
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

async function main(): Promise<0 | 1 | 2> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, tracker: { type: 'boolean' }, update: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const folder = dataFolder(values.data);
  const sequence = readSequence(folder);
  if (sequence === undefined) {
    console.error(`There is no PETS09-S2L1 data in ${folder}: name the folder that holds pets09-s2l1 with --data.`);
    return 2;
  }
  if (!agreesWithDataSet(sequence)) {
    console.error("The counter's rule on the annotated boxes does not give the crossings that truth.json states: one of them is wrong.");
    return 1;
  }
  if (values.tracker === true) {
    for (const line of accuracyReport(sequence)) console.log(line);
    return 0;
  }
  console.error('Counting five streams through agents and counter, about a minute ...');
  const counted = await pipelineCrossings(join(folder, 'vtest.avi'), sequence, shutdownSignal());
  const measured = {
    together: report('all lines in one stream', counted.together),
    alone: report('each line in a stream of its own (detection.region: auto)', counted.alone),
  };
  return judge(measured, values.update === true);

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

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS') ? 2 : 1;
});
