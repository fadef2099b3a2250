/** A video file as a camera: anything that ffmpeg can take apart, from the front, each time the same. */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem } from '../camera.ts';
import { demux } from '../demux.ts';
import { CameraFault, fileFault, fileVerdict, unreadableFileFault } from '../faults.ts';

export interface FileCamera extends Camera {
  /** After a reading to the end: what was wrong with the file all the same. */
  verdict(): CameraFault | undefined;
}

/** @param url a path, or a file: URL. */
export function fileCamera({ url }: { readonly url: string }): FileCamera {
  const file = pathOf(url);
  let verdict: CameraFault | undefined;
  return {
    verdict: () => verdict,
    async *read(signal): AsyncGenerator<CameraItem> {
      await refuseEmpty(file);
      // Old containers know when to decode only; the rest of the times follow from it.
      // By its name a file is a file, and what is in it leads to files only, whatever they look like.
      const inputOptions = ['-fflags', '+genpts', '-protocol_whitelist', 'file'];
      let opened = false;
      const items = demux({ inputOptions, input: `file:${file}` }, signal);
      try {
        let next = await items.next();
        for (; next.done !== true; next = await items.next()) {
          opened = true;
          yield next.value;
        }
        if (!opened || next.value.code === undefined) throw fileFault(file, next.value);
        verdict = fileVerdict(file, next.value);
      } catch (error) {
        if (!(error instanceof NutError)) throw error;
        verdict = unreadableFileFault(file, error, opened);
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
    // A percent sign that stands for itself.
    return url.slice('file://'.length);
  }
}

async function refuseEmpty(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new CameraFault('FileMissing', `There is no file ${file}.`);
  if (found.isFile() && found.size === 0) throw new CameraFault('FileEmpty', `${file} is empty.`);
}
