/**
 * Appends events to a file, as lines of JSON. Each id is in the file once and each line is whole: a line that a killed
 * counter has half written is cut off, and an event that is delivered again is recognized by its number.
 *
 * If the path is not a regular file (a pipe, a terminal), lines are written and nothing is read or repaired. It stays open,
 * because whoever reads a pipe takes its closing for the end.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { StreamEvent } from '#crds/events.ts';
import type { Receiver, ReceiverKind } from './receiver.ts';

/** Absolute: one file has one path. */
const filePath = z
  .string()
  .min(1)
  .overwrite((text) => resolve(text));
const options = z.strictObject({ kind: z.literal('file'), path: filePath });

export const eventsFile: ReceiverKind<typeof options> = { options, key: 'path', open: ({ path }) => new EventsFile(path) };

const CHUNK = 1 << 16;
const ID = /^(.*)\/(crossing|gap)\/(\d+)$/;
const LOSS_ID = /^(.*)\/loss\/(crossing|gap)\/(\d+)-(\d+)$/;

export class EventsFile implements Receiver {
  readonly name: string;
  readonly #path: string;
  /** The highest number in the file, by uid and kind. */
  readonly #known = new Map<string, number>();
  /** Numbers that are declared lost, as ranges: an event that comes all the same is taken, once. */
  readonly #lost = new Map<string, Range[]>();
  /** The bytes that were read so far; they end with a whole line. */
  #size = 0;
  /** Open, if the path is not a regular file. */
  #pipe: FileHandle | undefined;
  /** Deliveries come one after another, because streams share the file. */
  #turn: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.name = `file ${path}`;
    this.#path = path;
  }

  deliver(events: readonly StreamEvent[]): Promise<void> {
    const turn = this.#turn.then(() => this.#append(events));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The highest number of a stream's events in the file; 0 when there is none. */
  async highest(uid: string, kind: 'crossing' | 'gap'): Promise<number> {
    await this.deliver([]);
    return this.#known.get(`${uid}/${kind}`) ?? 0;
  }

  async #append(events: readonly StreamEvent[]): Promise<void> {
    try {
      if ((await isRegularFile(this.#path)) === false) await this.#appendToPipe(events);
      else await this.#appendToFile(events);
    } catch (error) {
      throw new Error(`${this.#path} cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }

  async #appendToFile(events: readonly StreamEvent[]): Promise<void> {
    const file = await open(this.#path, 'a+', 0o600);
    try {
      await this.#readFrom(file, (await file.stat()).size);
      const lines = this.#missingOf(events);
      if (lines.length === 0) return;
      const text = textOf(lines);
      await file.writeFile(text);
      await file.datasync();
      this.#size += text.length;
      this.#rememberAll(lines);
    } finally {
      await file.close();
    }
  }

  async #appendToPipe(events: readonly StreamEvent[]): Promise<void> {
    const lines = this.#missingOf(events);
    if (lines.length === 0) return;
    this.#pipe ??= await openPipe(this.#path);
    try {
      await this.#pipe.writeFile(textOf(lines));
      this.#rememberAll(lines);
    } catch (error) {
      await this.#pipe.close();
      this.#pipe = undefined;
      throw error;
    }
  }

  /** Reads the new lines of the file, and cuts off a half-written one at its end. */
  async #readFrom(file: FileHandle, size: number): Promise<void> {
    if (size < this.#size) {
      this.#size = 0;
      this.#known.clear();
      this.#lost.clear();
    }
    let rest = Buffer.alloc(0);
    for (let position = this.#size; position < size;) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const whole = text.lastIndexOf('\n') + 1;
      for (const line of text.toString('utf8', 0, whole).split('\n')) this.#remember(idOf(line));
      rest = text.subarray(whole);
      this.#size = position - rest.length;
    }
    if (this.#size < size) await file.truncate(this.#size);
  }

  #missingOf(events: readonly StreamEvent[]): StreamEvent[] {
    return events.flatMap((event) => this.#missingPart(event));
  }

  /** The event, or the part of a loss, that is not in the file yet. */
  #missingPart(event: StreamEvent): StreamEvent[] {
    const { key, first, last } = numbersOf(event.id);
    const known = this.#known.get(key) ?? 0;
    if (last > known && (event.type !== 'loss' || first > known)) return [event];
    if (last > known) return [{ ...event, first: known + 1, id: event.id.replace(/\d+-\d+$/, `${known + 1}-${last}`) } as StreamEvent];
    const isDeclaredLost = event.type !== 'loss' && this.#lost.get(key)?.some((range) => range.first <= first && first <= range.last);
    return isDeclaredLost === true ? [event] : [];
  }

  #rememberAll(lines: readonly StreamEvent[]): void {
    for (const { id } of lines) this.#remember(id);
  }

  #remember(id: string): void {
    const { key, first, last, isLoss } = numbersOf(id);
    if (last > (this.#known.get(key) ?? 0)) this.#known.set(key, last);
    const lost = this.#lost.get(key) ?? [];
    if (isLoss) this.#lost.set(key, [...lost, { first, last }]);
    else if (lost.length > 0)
      this.#lost.set(
        key,
        lost.flatMap((range) => without(range, first)),
      );
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function without(range: Range, number: number): Range[] {
  if (number < range.first || number > range.last) return [range];
  const halves = [
    { first: range.first, last: number - 1 },
    { first: number + 1, last: range.last },
  ];
  return halves.filter(({ first, last }) => first <= last);
}

function textOf(lines: readonly StreamEvent[]): Buffer {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** A pipe that nobody reads is a fault at once: to open it for writing alone would block until somebody does. */
async function openPipe(path: string): Promise<FileHandle> {
  const probe = await open(path, constants.O_WRONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENXIO' ? new Error('no process reads it', { cause: error }) : error;
  });
  try {
    return await open(path, 'a');
  } finally {
    await probe.close();
  }
}

/** Undefined when the path does not exist. */
export async function isRegularFile(path: string): Promise<boolean | undefined> {
  return stat(path).then(
    (found) => found.isFile(),
    () => undefined,
  );
}

function idOf(line: string): string {
  try {
    const { id } = JSON.parse(line) as { id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}

/** Which numbers an id stands for. */
function numbersOf(id: string): Range & { readonly key: string; readonly isLoss: boolean } {
  const loss = LOSS_ID.exec(id);
  const [, uid, kind, first, last = first] = loss ?? ID.exec(id) ?? [];
  return { key: `${uid}/${kind}`, first: Number(first ?? 0), last: Number(last ?? 0), isLoss: loss !== null };
}
