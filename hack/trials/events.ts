/**
 * What the receivers of a trial's counters got. Each counter has a file of its own, as counters on different nodes would;
 * together they must have each event of the ledger, or its declared loss, and nothing else.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonical } from '#crds/cluster/canonical.ts';
import type { StreamEvent } from '#crds/events.ts';
import type { CommittedCounts } from '../../counter-service/src/ledger/ledger.ts';

const FILE = /^events-(.*)\.jsonl$/;

/** By counter. */
export type Delivered = ReadonlyMap<string, readonly StreamEvent[]>;

export interface Received {
  /** By number; a line of JSON without what differs from run to run. */
  readonly crossings: ReadonlyMap<number, string>;
  /** Numbers of crossings that are declared lost, and that no receiver has. */
  readonly lost: ReadonlySet<number>;
  /** Events of any kind that are declared lost, and that no receiver has. */
  readonly losses: number;
  readonly problems: readonly string[];
}

export function receiverOf(folder: string, counter: string): object {
  return { kind: 'file', path: eventsPath(folder, counter) };
}

export function eventsPath(folder: string, counter: string): string {
  return join(folder, `events-${counter}.jsonl`);
}

/** @throws SyntaxError when a line is torn. */
export async function readDelivered(folder: string): Promise<Delivered> {
  const found = (await readdir(folder)).flatMap((name) => FILE.exec(name)?.[1] ?? []);
  const files = found.map(async (counter): Promise<[string, StreamEvent[]]> => {
    const lines = (await readFile(eventsPath(folder, counter), 'utf8')).split('\n').filter((line) => line !== '');
    return [counter, lines.map((line) => JSON.parse(line) as StreamEvent)];
  });
  return new Map(await Promise.all(files));
}

/** What is wrong with the events by themselves: an id with two contents, a hole, a number that was not counted. */
export function received(delivered: Delivered, counts: CommittedCounts | undefined): Received {
  const problems: string[] = [];
  const contents = new Map<string, string>();
  for (const [counter, events] of delivered) {
    const newest = new Map<string, number>();
    for (const event of events) {
      const [kind, first, last] = rangeOf(event);
      if (first <= (newest.get(kind) ?? 0)) problems.push(`${event.id} came to ${counter} after ${kind} ${newest.get(kind)}`);
      newest.set(kind, last);
      if (event.type === 'loss') continue;
      const content = contentOf(event);
      if ((contents.get(event.id) ?? content) !== content)
        problems.push(`${event.id} has two contents: ${content}, ${contents.get(event.id)}`);
      contents.set(event.id, content);
    }
  }
  const all = [...delivered.values()].flat();
  const crossings = accountOf(all, 'crossing', counts === undefined ? 0 : counts.in + counts.out);
  const gaps = accountOf(all, 'gap', counts?.gaps.count ?? 0);
  return {
    crossings: new Map(all.flatMap((event) => (event.type === 'crossing' ? [[event.number, contentOf(event)]] : []))),
    lost: crossings.lost,
    losses: crossings.lost.size + gaps.lost.size,
    problems: [...problems, ...crossings.problems, ...gaps.problems],
  };
}

function accountOf(events: readonly StreamEvent[], of: 'crossing' | 'gap', total: number): { lost: Set<number>; problems: string[] } {
  const [there, lost] = [new Set<number>(), new Set<number>()];
  for (const event of events) {
    const [kind, first, last] = rangeOf(event);
    if (kind !== of) continue;
    for (let number = first; number <= last; number += 1) (event.type === 'loss' ? lost : there).add(number);
  }
  const problems: string[] = [];
  for (let number = 1; number <= total; number += 1) {
    if (!there.has(number) && !lost.has(number)) problems.push(`${of} ${number} of ${total} is neither delivered nor declared lost`);
  }
  const most = Math.max(0, ...there, ...lost);
  if (most > total) problems.push(`${of} ${most} was delivered, and ${total} are committed`);
  return { lost: new Set([...lost].filter((number) => !there.has(number))), problems };
}

function rangeOf(event: StreamEvent): [kind: string, first: number, last: number] {
  return event.type === 'loss' ? [event.of, event.first, event.last] : [event.type, event.number, event.number];
}

/** How late something was counted differs from run to run, and so does the resource. */
function contentOf(event: StreamEvent): string {
  return canonical({ ...event, id: undefined, namespace: undefined, stream: undefined, late: undefined });
}
