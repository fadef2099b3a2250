/** A video file as a camera: anything that ffmpeg can demultiplex, from the front, each time the same. */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem } from '../camera.ts';
import { demux } from '../demux.ts';
import type { CameraFault } from '../faults.ts';
import { contentFault, emptyFault, fileVerdict, missingFault, openFault } from './file-faults.ts';

/** @param url a path, or a file: URL. */
export function fileCamera({ url }: { readonly url: string }): Camera {
  const file = pathOf(url);
  let verdict: CameraFault | undefined;
  return {
    verdict: () => verdict,
    async *read(signal): AsyncGenerator<CameraItem> {
      await requireContent(file);
      // Old containers have decoding times only: ffmpeg derives the others.
      // `file:` and the whitelist keep ffmpeg on this machine, whatever the name or the content looks like.
      const inputOptions = ['-fflags', '+genpts', '-protocol_whitelist', 'file'];
      let opened = false;
      const items = demux({ inputOptions, input: `file:${file}` }, signal);
      try {
        let next = await items.next();
        for (; next.done !== true; next = await items.next()) {
          opened = true;
          yield next.value;
        }
        if (!opened || next.value.code === undefined) throw openFault(file, next.value);
        verdict = fileVerdict(file, next.value);
      } catch (error) {
        if (!(error instanceof NutError)) throw error;
        verdict = contentFault(file, error, opened);
        if (!opened) throw verdict;
      } finally {
        await items.return(undefined as never);
      }
    },
  };
}

function pathOf(url: string): string {
  if (!url.startsWith('file://')) return url;
  try {
    return fileURLToPath(url);
  } catch {
    // It holds a percent sign that encodes nothing.
    return url.slice('file://'.length);
  }
}

async function requireContent(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw missingFault(file);
  if (found.isFile() && found.size === 0) throw emptyFault(file);
}
