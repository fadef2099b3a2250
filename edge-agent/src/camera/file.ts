/** A video file as a camera: anything that ffmpeg can take apart. */
import { stat } from 'node:fs/promises';
import { Ffmpeg } from '#proto/media/ffmpeg.ts';
import { readNut } from '#proto/media/nut-reader.ts';
import { NutError } from '#proto/media/nut.ts';
import { type Camera, type CameraItem, COPY_TO_NUT } from './camera.ts';
import { CameraFault, fileFault, fileVerdict } from './faults.ts';

export interface FileCamera extends Camera {
  /** After a reading to the end: what was wrong with the file all the same. */
  verdict(): CameraFault | undefined;
}

/** @param url a path, or a file: URL. */
export function fileCamera({ url }: { readonly url: string }): FileCamera {
  let verdict: CameraFault | undefined;
  return {
    verdict: () => verdict,
    async *read(signal): AsyncGenerator<CameraItem> {
      await refuseEmpty(url);
      const ffmpeg = new Ffmpeg({
        // Old containers know when to decode only; the rest of the times follow from it.
        inputOptions: ['-fflags', '+genpts', '-protocol_whitelist', 'file'],
        input: `file:${url}`,
        outputOptions: COPY_TO_NUT,
      });
      const stop = (): void => void ffmpeg.stop();
      signal.addEventListener('abort', stop, { once: true });
      let opened = false;
      try {
        const { codec, units } = await readNut(ffmpeg.output);
        opened = true;
        yield { kind: 'codec', codec };
        for await (const unit of units) yield { kind: 'unit', unit };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof NutError)) throw error;
        if (!opened) throw fileFault(url, await ffmpeg.exit);
      } finally {
        signal.removeEventListener('abort', stop);
        if (signal.aborted || !opened) await ffmpeg.stop();
      }
      signal.throwIfAborted();
      verdict = fileVerdict(url, await ffmpeg.exit);
    },
  };
}

async function refuseEmpty(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new CameraFault('FileMissing', `There is no file ${file}.`);
  if (found.isFile() && found.size === 0) throw new CameraFault('FileEmpty', `${file} is empty.`);
}
