/** Bytes between agent and counter, compared with raw grey pictures, which the original project sent. */
import { Link } from '../machine/link.ts';
import { everyFrame } from './chain.ts';
import { startStream } from './local-stream.ts';
import type { Bench, Row } from './rows.ts';

/** 640x320 at 10 frames a second, a byte a pixel. */
const ORIGINAL_BITS_PER_SECOND = 640 * 320 * 8 * 10;

export async function wire(bench: Bench): Promise<Row[]> {
  const { clip, say } = bench;
  say('wire: counting bytes on the connection between agent and counter');
  const { up, down } = await countBytes(bench);
  const seconds = clip.frames / clip.framesPerSecond;
  const grey = clip.codec.width * clip.codec.height * 8 * clip.framesPerSecond;
  const bits = (8 * up) / seconds;
  return [
    { what: 'agent to counter', value: bits / 1e6, unit: 'Mbit/s', note: 'of video time, TCP payload' },
    { what: 'counter to agent', value: (8 * down) / seconds / 1e6, unit: 'Mbit/s' },
    { what: 'raw grey, as the original sends it', value: ORIGINAL_BITS_PER_SECOND / 1e6, unit: 'Mbit/s', note: '640x320, 10 fps' },
    { what: 'raw grey, this clip', value: grey / 1e6, unit: 'Mbit/s' },
    { what: 'original / ours', value: ORIGINAL_BITS_PER_SECOND / bits, unit: 'times' },
    { what: 'raw grey of this clip / ours', value: grey / bits, unit: 'times' },
  ].map((row) => ({ part: 'wire', ...row }));
}

async function countBytes(bench: Bench): Promise<{ up: number; down: number }> {
  const bytes = { up: 0, down: 0 };
  let link: Link | undefined;
  const via = async (counterPort: number) => {
    link = await Link.to(counterPort, { onBytes: ({ length }, from) => (bytes[from === 'caller' ? 'up' : 'down'] += length) });
    return link.port;
  };
  const stream = await startStream({ url: bench.clip.path, framesPerSecond: everyFrame(bench.clip), via }, bench);
  try {
    const stop = () => void stream.stop();
    bench.signal.addEventListener('abort', stop, { once: true });
    const code = await stream.agent.exited;
    bench.signal.removeEventListener('abort', stop);
    if (code !== 0) throw new Error(`The agent failed: ${stream.agent.lastWords()}`);
  } finally {
    await stream.stop();
    await link?.close();
  }
  return bytes;
}
