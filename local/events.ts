/** The file of `--events`: the counter appends to it while it counts; here is what comes before and after. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { EventsFile, isRegularFile } from '../counter-service/src/events/file.ts';
import type { FolderLedger } from '../counter-service/src/ledger/folder.ts';
import { numbersOf } from '../counter-service/src/reporting/reports.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { BadInput } from './command.ts';

/**
 * Begins the file anew, unless counts go on in a ledger: then its events are added.
 * @throws BadInput with one sentence when it cannot be written, or belongs to another ledger.
 */
export async function beginEvents(path: string, streams: readonly StreamName[], ledger: FolderLedger | undefined): Promise<void> {
  if (ledger === undefined) {
    // Neither a pipe nor a device is begun anew.
    if ((await isRegularFile(path)) === false) return;
    await writeFile(path, '', { mode: 0o600 }).catch((error: Error) => {
      throw new BadInput(`The events file cannot be written: ${error.message}.`, { cause: error });
    });
    return;
  }
  const file = new EventsFile(path);
  for (const stream of streams) {
    const { crossings } = numbersOf((await ledger.read(stream)).counts);
    const highest = await file.highest(stream.uid, 'crossing');
    if (highest > crossings) {
      throw new BadInput(
        `${path} has crossing ${highest} of ${stream.name}, but the ledger counts ${crossings}: it belongs to another ledger. Name another file.`,
      );
    }
  }
}

/** How many events of a stream are counted and not in the file. */
export async function missingEvents(stream: StreamName, ledger: FolderLedger): Promise<number> {
  const { counts } = await ledger.read(stream);
  const [counted, delivered] = [numbersOf(counts), counts?.delivered];
  if (delivered === undefined) return 0;
  return counted.crossings - delivered.crossings + counted.gaps - delivered.gaps;
}

/** Stream by stream in the order of the files: the same input gives the same bytes, however many were counted at once. */
export async function orderEvents(path: string, streams: readonly StreamName[]): Promise<void> {
  if (streams.length < 2 || (await isRegularFile(path)) !== true) return;
  const text = await readFile(path, 'utf8');
  const placeOf = new Map(streams.map(({ namespace, name }, index) => [`${namespace}/${name}`, index]));
  const lines = text.split('\n').filter((line) => line !== '');
  const placed = lines.map((line) => {
    const { namespace, stream } = JSON.parse(line) as { namespace?: string; stream?: string };
    return { line, place: placeOf.get(`${namespace}/${stream}`) ?? -1 };
  });
  const ordered = placed
    .toSorted((one, other) => one.place - other.place)
    .map(({ line }) => `${line}\n`)
    .join('');
  if (ordered === text) return;
  const draft = `${path}.draft`;
  await writeFile(draft, ordered, { mode: 0o600 });
  await rename(draft, path);
}
