/** A minute of an empty room: writes to the ledger, and the agent's ring. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SiteView } from '../../edge-agent/src/site/view.ts';
import { RtspServer } from '../machine/rtsp-server.ts';
import { until } from '../machine/until.ts';
import { startStream } from './local-stream.ts';
import type { Bench, Row } from './rows.ts';

const SECONDS = 60;
/** Longer than the film: an access unit leaves the ring only when the counter releases it. */
const BUFFER = { seconds: 3600, megabytes: 64 };
/** Three checkpoints of five seconds each: a trimmed ring is shorter. */
const TRIMMED_SECONDS = 3 * 5;
/** Its first picture shows an empty room. */
const SAMPLE = fileURLToPath(new URL('../samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url));

export interface Quiet {
  /** After the claim and the first commit. */
  readonly furtherWrites: number;
  /** Video in the ring at the end. */
  readonly ringSeconds: number;
  readonly evictedUnits: number;
  readonly view: SiteView;
}

export async function watchEmptyRoom({ folder, signal }: Pick<Bench, 'folder' | 'signal'>): Promise<Quiet> {
  const film = join(folder, 'empty.mkv');
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '20', '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', [
    '-nostdin',
    '-loglevel',
    'error',
    '-i',
    SAMPLE,
    '-vf',
    // The noise of a real camera: a picture that never changes is frozen.
    `trim=end_frame=1,loop=loop=99:size=1,fps=10,setpts=N/10/TB,noise=alls=8:allf=t`,
    ...coding,
    film,
  ]);
  const camera = await RtspServer.start();
  try {
    await camera.publish(film);
    let view: SiteView | undefined;
    const lines = [{ name: 'entrance', from: { x: 570, y: 999 }, to: { x: 320, y: 580 } }];
    const stream = await startStream(
      { url: camera.url(), framesPerSecond: 3, buffer: BUFFER, onView: (now) => (view = now) },
      { clip: { lines }, folder },
    );
    try {
      let ringSeconds = 0;
      await until(async () => {
        signal.throwIfAborted();
        ringSeconds = await stream.metric('agent_ring_seconds');
        return (view?.seconds ?? 0) > SECONDS && ringSeconds < TRIMMED_SECONDS;
      }, 4 * SECONDS);
      const newest = (await readdir(join(stream.ledger, 'default.bench'))).toSorted().at(-1)!;
      return {
        furtherWrites: Number.parseInt(newest, 10) - 2,
        ringSeconds,
        evictedUnits: await stream.metric('agent_ring_evicted_access_units'),
        view: view!,
      };
    } finally {
      await stream.stop();
    }
  } finally {
    await camera.stop();
  }
}

export async function quiet({ folder, signal, say }: Bench): Promise<Row[]> {
  say(`quiet: ${SECONDS} s`);
  const { furtherWrites, ringSeconds, evictedUnits, view } = await watchEmptyRoom({
    folder: await mkdtemp(join(folder, 'quiet-')),
    signal,
  });
  return [
    {
      what: 'writes after the first',
      value: furtherWrites,
      unit: '',
      target: { most: 0 },
      note: `over ${view.seconds.toFixed(0)} s of video`,
    },
    {
      what: 'in the ring at the end',
      value: ringSeconds,
      unit: 's',
      target: { most: TRIMMED_SECONDS },
      note: 'a checkpoint is due after 5 s of it',
    },
    { what: 'access units that left a full ring', value: evictedUnits, unit: '', target: { most: 0 } },
  ].map((row) => ({ part: 'quiet', ...row }));
}
