import { describeExit, Ffmpeg } from '#proto/media/ffmpeg.ts';
import { readNut } from '#proto/media/nut-reader.ts';
import type { Camera, CameraItem } from './camera.ts';
import { CameraFault } from './faults.ts';
export function fileCamera({ url }: { url: string }): Camera & { verdict(): CameraFault | undefined } {
  return {
    async *read(signal): AsyncGenerator<CameraItem> {
      const ffmpeg = new Ffmpeg({ inputOptions: ['-fflags', '+genpts'], input: url, outputOptions: ['-map', '0:v:0', '-c', 'copy', '-f', 'nut', '-write_index', '0'] });
      const stop = () => void ffmpeg.stop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const { codec, units } = await readNut(ffmpeg.output);
        yield { kind: 'codec', codec };
        for await (const unit of units) yield { kind: 'unit', unit };
        signal.throwIfAborted();
      } catch (error) {
        signal.throwIfAborted();
        throw new CameraFault('NotAVideo', `${url}: ${describeExit(await ffmpeg.exit)}.`, true);
      } finally { signal.removeEventListener('abort', stop); await ffmpeg.stop(); }
    },
    verdict: () => undefined,
  };
}
