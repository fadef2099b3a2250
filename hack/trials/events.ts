/**
 * What the counters of a trial delivered to their receivers. Each counter has a file of its own, as it would on a node of
 * its own; together the files must hold each event of the ledger, or its declared loss, and nothing else.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonical } from '#crds/cluster/canonical.ts';
import type { StreamEvent } from '#crds/events.ts';
import type { CommittedCounts } from '../../counter-service/src/ledger/ledger.ts';

const FILE = /^events-(.*)\.jsonl$/;

/** By counter. */
export type Delivered = ReadonlyMap<string, readonly StreamEvent[]>;

export interface DeliveryReport {
  /** By number; a line of JSON without the fields that differ from run to run. */
  readonly crossings: ReadonlyMap<number, string>;
  /** Numbers of crossings that are declared lost and that no receiver has. */
  readonly lost: ReadonlySet<number>;
  /** How many events of any kind are declared lost and are with no receiver. */
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

/** Finds events with one id and two contents, missing numbers, and numbers that were not committed. */
export function checkDelivery(delivered: Delivered, counts: CommittedCounts | undefined): DeliveryReport {
  const problems: string[] = [];
  const contents = new Map<string, string>();
  for (const [counter, events] of delivered) {
    const newest = new Map<string, number>();
    // An event may come though it was declared lost, once.
    const lost = new Set<string>();
    for (const event of events) {
      const [kind, first, last] = rangeOf(event);
      const before = newest.get(kind) ?? 0;
      if (first <= before && !lost.delete(`${kind} ${first}`)) problems.push(`${event.id} came to ${counter} after ${kind} ${before}`);
      newest.set(kind, Math.max(before, last));
      if (event.type === 'loss') {
        for (let number = first; number <= last; number += 1) lost.add(`${kind} ${number}`);
        continue;
      }
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
  const [present, lost] = [new Set<number>(), new Set<number>()];
  for (const event of events) {
    const [kind, first, last] = rangeOf(event);
    if (kind !== of) continue;
    for (let number = first; number <= last; number += 1) (event.type === 'loss' ? lost : present).add(number);
  }
  const problems: string[] = [];
  for (let number = 1; number <= total; number += 1) {
    if (!present.has(number) && !lost.has(number)) problems.push(`${of} ${number} of ${total} is neither delivered nor declared lost`);
  }
  const most = Math.max(0, ...present, ...lost);
  if (most > total) problems.push(`${of} ${most} was delivered, and ${total} are committed`);
  return { lost: new Set([...lost].filter((number) => !present.has(number))), problems };
}

function rangeOf(event: StreamEvent): [kind: string, first: number, last: number] {
  return event.type === 'loss' ? [event.of, event.first, event.last] : [event.type, event.number, event.number];
}

/** Without the fields that differ from run to run: the delay of a late count, and the resource. */
function contentOf(event: StreamEvent): string {
  return canonical({ ...event, id: undefined, namespace: undefined, stream: undefined, late: undefined });
}
