/**
 * Every access unit that an agent numbered in one session, recorded before the agent stored or sent it: what an undisturbed
 * run has to count. The file has the block format of the agent's ring.
 */
import { closeSync, existsSync, openSync, readFileSync, writevSync } from 'node:fs';
import type { Codec } from '#proto/media/nut/nut.ts';
import { decodeBlock, encodeBlock } from '../../edge-agent/src/ring/block.ts';
import type { NumberedUnit } from '../../edge-agent/src/ring/recording.ts';
import type { Interruption } from '../../edge-agent/src/ring/segments.ts';

export interface TapedUnit extends NumberedUnit {
  readonly interruption?: Interruption;
  /** Unix time in milliseconds of the recording. */
  readonly at: number;
}

export interface Taped {
  readonly codec: Codec;
  /** By number, none missing. */
  readonly units: readonly TapedUnit[];
}

interface Facts extends Omit<TapedUnit, 'data'> {
  /** Private data in base64; with the first access unit of a process. */
  readonly codec?: Omit<Codec, 'privateData'> & { readonly privateData: string };
}

export class Tape {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  record({ data, ...unit }: NumberedUnit, { privateData, ...codec }: Codec, interruption?: Interruption): void {
    const coded = this.#fd === undefined ? { codec: { ...codec, privateData: Buffer.from(privateData).toString('base64') } } : {};
    this.#fd ??= openSync(this.#path, 'a');
    const facts: Facts = { ...unit, at: Date.now(), ...(interruption && { interruption }), ...coded };
    writevSync(this.#fd, encodeBlock(facts, data));
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Of a number that was recorded twice, the later one: the process that gave it first ended before it stored the access unit. */
export function readTape(path: string): Taped | undefined {
  if (!existsSync(path)) return undefined;
  const content = readFileSync(path);
  const units = new Map<number, TapedUnit>();
  let codec: Codec | undefined;
  for (let [offset, block] = [0, decodeBlock(content)]; block !== undefined; block = decodeBlock(content, offset)) {
    const { codec: coded, ...facts } = block.facts as Facts;
    if (coded !== undefined) codec = { ...coded, privateData: Buffer.from(coded.privateData, 'base64') };
    units.set(facts.number, { ...facts, data: block.payload });
    offset += block.bytes;
  }
  return codec && { codec, units: [...units.values()].toSorted((one, other) => one.number - other.number) };
}
