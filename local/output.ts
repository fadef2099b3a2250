/** Standard output and error of this process: when they cannot be written, the command ends in order all the same. */
import { fstatSync, writeFileSync } from 'node:fs';
import process from 'node:process';

/**
 * Output that cannot be written, on a full disk, is told in one sentence, and the exit code is 1.
 * @returns aborted when the reader of the results is gone: then the command ends in order, as on Ctrl-C.
 */
export function watchOutput(): AbortSignal {
  const unread = new AbortController();
  let told = false;
  const end = () => unread.abort(new Error('its output has no reader any more'));
  if (fstatSync(1).isFile()) process.stdout._write = writeWhole;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return end();
    if (!told) process.stderr.write(`The standard output cannot be written: ${message}.\n`);
    told = true;
    process.once('exit', () => (process.exitCode ||= 1));
  });
  process.stderr.on('error', ({ code }: NodeJS.ErrnoException) => {
    // The results would go into the same pipe. A reader of the progress alone may go.
    if (code === 'EPIPE' && fstatSync(1).ino === fstatSync(2).ino) end();
  });
  return unread.signal;
}

/** Node's own stream to a file takes what a full disk had room for as all of it. */
const writeWhole: NodeJS.WriteStream['_write'] = (chunk: Uint8Array, _, callback) => {
  try {
    writeFileSync(1, chunk);
    callback();
  } catch (error) {
    callback(error as Error);
  }
};
