/** A counter that is stopped for longer than the ring reaches: what the agent keeps, and what it declares as lost. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FolderLedger } from '../../counter-service/src/ledger/folder.ts';
import type { CommittedCounts } from '../../counter-service/src/ledger/ledger.ts';
import type { SiteView } from '../../edge-agent/src/site/view.ts';
import { RtspServer } from '../machine/rtsp-server.ts';
import { until } from '../machine/until.ts';
import { startStream } from './local-stream.ts';
import { memoryOfTree } from '../machine/processes.ts';
import type { Bench, Row } from './rows.ts';

const AWAY_SECONDS = 120;
const BUFFER = { seconds: 30, megabytes: 8 };
/** An unbounded ring would take 60 MB in the two minutes. */
const CODING = [
  '-vf',
  'scale=640:-2,noise=alls=40:allf=t,fps=10',
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-g',
  '10',
  '-bf',
  '0',
  '-b:v',
  '4M',
  '-minrate',
  '4M',
  '-maxrate',
  '4M',
  '-bufsize',
  '4M',
];
export const MAX_MORE_MEGABYTES = 40;

export interface Away {
  /** Of the agent with its ffmpeg: before the counter was stopped, and the most until it had caught up. */
  readonly residentMegabytes: { readonly before: number; readonly most: number };
  readonly ring: { readonly mostSeconds: number; readonly mostMegabytes: number };
  /** As the agent declares. */
  readonly lostUnits: number;
  /** The last view of the site, and the committed counts after the agent has ended. */
  readonly view: SiteView;
  readonly committed: CommittedCounts;
}

export interface AwayOptions {
  readonly clip: string;
  readonly coding: readonly string[];
  readonly awaySeconds: number;
  readonly buffer: { readonly seconds: number; readonly megabytes: number };
  readonly folder: string;
  readonly signal: AbortSignal;
}

export async function measureCounterAway({ clip, coding, awaySeconds, buffer, folder, signal }: AwayOptions): Promise<Away> {
  const camera = await RtspServer.start();
  try {
    await camera.publish(clip, { coding: [...coding] });
    let view: SiteView | undefined;
    const lines = [{ name: 'entrance', from: { x: 1, y: 1 }, to: { x: 999, y: 999 } }];
    const stream = await startStream(
      { url: camera.url(), framesPerSecond: 1, buffer, onView: (now) => (view = now) },
      { clip: { lines }, folder },
    );
    const most = { resident: 0, seconds: 0, bytes: 0 };
    const look = async () => {
      const resident = memoryOfTree(stream.agent.process.pid!).resident;
      const [seconds, bytes] = [await stream.metric('agent_ring_seconds'), await stream.metric('agent_ring_bytes')];
      Object.assign(most, {
        resident: Math.max(most.resident, resident),
        seconds: Math.max(most.seconds, seconds),
        bytes: Math.max(most.bytes, bytes),
      });
      return resident;
    };
    let before = 0;
    let lostUnits = 0;
    try {
      await until(() => (view?.frames ?? 0) > 30, 60);
      before = await look();
      stream.counter.process.kill('SIGSTOP');
      for (const end = performance.now() + awaySeconds * 1000; performance.now() < end;) {
        await delay(1000, undefined, { signal });
        await look();
      }
      stream.counter.process.kill('SIGCONT');
      const units = await stream.metric('agent_access_units');
      // Until all that was read is counted or declared, and some more.
      await until(async () => (await look(), view!.frames + (await stream.metric('agent_gap_access_units_total')) > units + 20), 120);
      lostUnits = await stream.metric('agent_gap_access_units_total');
    } finally {
      await stream.stop();
    }
    const { counts } = await new FolderLedger(stream.ledger).read({ namespace: 'default', name: 'bench', uid: '' });
    const megabytes = (bytes: number) => bytes / 1e6;
    return {
      residentMegabytes: { before: megabytes(before), most: megabytes(most.resident) },
      ring: { mostSeconds: most.seconds, mostMegabytes: megabytes(most.bytes) },
      lostUnits,
      view: view!,
      committed: counts!,
    };
  } finally {
    await camera.stop();
  }
}

export async function away({ clip, folder, signal, say }: Bench): Promise<Row[]> {
  say(`away: the counter is stopped for ${AWAY_SECONDS} s`);
  const { residentMegabytes, ring, lostUnits, view, committed } = await measureCounterAway({
    clip: clip.path,
    coding: CODING,
    awaySeconds: AWAY_SECONDS,
    buffer: BUFFER,
    folder: await mkdtemp(join(folder, 'away-')),
    signal,
  });
  const unaccounted = Math.abs(committed.position - view.frames - lostUnits);
  return [
    { what: 'resident before', value: residentMegabytes.before, unit: 'MB', note: 'Node and ffmpeg' },
    {
      what: 'more at most',
      value: residentMegabytes.most - residentMegabytes.before,
      unit: 'MB',
      target: { most: MAX_MORE_MEGABYTES },
      note: `ring at most ${ring.mostMegabytes.toFixed(1)} MB and ${ring.mostSeconds.toFixed(0)} s, at 0.5 MB/s`,
    },
    {
      what: 'access units declared as lost',
      value: lostUnits,
      unit: '',
      note: `${committed.gaps.count} gap, ${committed.gaps.seconds} s; ${view.frames} counted`,
    },
    { what: 'neither counted nor declared, or both', value: unaccounted, unit: '', target: { most: 0 }, note: `of ${committed.position}` },
  ].map((row) => ({ part: 'away', ...row }));
}
