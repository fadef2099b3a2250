/**
 * Video on the agent's standard input, in any container that needs no seeking (MPEG-TS, Matroska, FLV, fragmented MP4, an MP4
 * whose index comes first) or raw H.264 or H.265. It can be read once, so a ring keeps it; whoever writes it waits while the ring is full.
 */
import process from 'node:process';
import type { Readable } from 'node:stream';
import { NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem } from '../camera.ts';
import { demux, inputOptionsOf, MAX_ALLOCATION_BYTES } from '../demux.ts';
import { CameraFault, unreadableFault } from '../faults.ts';
import { fileVerdict, openFault } from '../file/file-faults.ts';

const NAME = 'standard input';

/** @param input what is read; by default the process's own. */
export function stdinCamera(_source: unknown, _guard?: unknown, input: Readable = process.stdin): Camera {
  let verdict: CameraFault | undefined;
  let begun = false;
  return {
    verdict: () => verdict,
    async *read(signal): AsyncGenerator<CameraItem> {
      if (begun) throw new CameraFault('InputMissing', `The rest of ${NAME} cannot be read: what came before is gone.`);
      begun = true;
      const counted = { bytes: 0 };
      const settings = { fflags: '+genpts', protocol_whitelist: 'pipe', max_alloc: MAX_ALLOCATION_BYTES };
      const items = demux({ inputOptions: inputOptionsOf(settings), input: 'pipe:0', feed: counting(input, counted) }, signal);
      let opened = false;
      try {
        let next = await items.next();
        for (; next.done !== true; next = await items.next()) {
          opened = true;
          yield next.value;
        }
        if (counted.bytes === 0) throw new CameraFault('InputMissing', `There is nothing on ${NAME}: pipe video to it.`);
        if (!opened || next.value.code === undefined) throw openFault(NAME, next.value);
        verdict = fileVerdict(NAME, next.value);
      } catch (error) {
        throw error instanceof NutError ? unreadableFault(NAME, error) : error;
      } finally {
        input.destroy();
        await items.return(undefined as never);
      }
    },
  };
}

async function* counting(input: AsyncIterable<Uint8Array>, counted: { bytes: number }): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of input) {
      counted.bytes += bytes.length;
      yield bytes;
    }
  } catch {
    // It ends where it cannot be read.
  }
}
