/**
 * How long a stream of local mode at a live camera is interrupted when its counter or its agent is killed, until local mode
 * has started another one; and how long it takes to move from a counter that drains to the next one.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { loadCameraStreams } from '#crds/load.ts';
import type { SiteView } from '../../edge-agent/src/site/view.ts';
import { RtspServer } from '../machine/rtsp-server.ts';
import { until } from '../machine/until.ts';
import { readOptions } from '../../local/options.ts';
import { countLocally } from '../../local/run.ts';
import { childrenOf } from '../machine/processes.ts';
import { movesOf, type Scene } from './moved.ts';

/** Local mode restarts a process no more than five times in a row when each ran for less than a minute. */
const KILLS = 5;
const FRAMES_PER_SECOND = 10;
/** A counter that is this many access units behind the camera has caught up. */
const FEW_UNITS = 5;
const CALM_SECONDS = 4;
/** Long, because a busy machine is slow. */
const PATIENCE_SECONDS = 120;

type Victim = 'counter-service' | 'edge-agent';

/** Seconds after the kill, one figure for each kill. */
export interface KillTimes {
  readonly again: number[];
  readonly caughtUp: number[];
  /** Seconds of video counted in a second while catching up; only of kills after which there was enough to catch up with. */
  readonly speed: number[];
  readonly declared: number[];
}

export interface CameraScene extends Scene {
  readonly clip: { readonly path: string; readonly lines: readonly object[] };
}

export interface Killed {
  readonly counter: KillTimes;
  readonly agent: KillTimes;
  /** Seconds of each move from a counter that was told to end to the next one. */
  readonly moves: readonly number[];
}

export async function killThem(scene: CameraScene): Promise<Killed> {
  const camera = await RtspServer.start();
  try {
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '20'];
    await camera.publish(scene.clip.path, { coding: ['-vf', `scale=640:-2,fps=${FRAMES_PER_SECOND}`, ...coding] });
    return {
      counter: await killRepeatedly('counter-service', camera.url(), scene),
      agent: await killRepeatedly('edge-agent', camera.url(), scene),
      moves: await movesOf(camera.url(), scene),
    };
  } finally {
    await camera.stop();
  }
}

async function killRepeatedly(victim: Victim, url: string, { folder, clip, signal, say }: CameraScene): Promise<KillTimes> {
  const file = join(await mkdtemp(join(folder, 'killed-')), 'stream.yaml');
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'footfall.dev/v1alpha1',
      kind: 'CameraStream',
      metadata: { name: 'bench' },
      spec: { source: { url }, lines: clip.lines, detection: { framesPerSecond: 5 } },
    }),
  );
  let view: SiteView | undefined;
  const stop = new AbortController();
  const running = countLocally(loadCameraStreams([file]).streams, readOptions([file]), AbortSignal.any([stop.signal, signal]), {
    show: ([report]) => (view = report?.view),
    say: () => undefined,
  });
  const found: KillTimes = { again: [], caughtUp: [], speed: [], declared: [] };
  try {
    await until(() => (view?.frames ?? 0) > CALM_SECONDS * FRAMES_PER_SECOND, PATIENCE_SECONDS);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      say(`killed: ${victim}, ${kill} of ${KILLS}`);
      const before = view!;
      const at = performance.now();
      const seconds = () => (performance.now() - at) / 1000;
      process.kill(pidOf(victim), 'SIGKILL');
      if (victim === 'edge-agent') {
        await until(() => view!.gaps.count > before.gaps.count || view!.frames < before.frames, PATIENCE_SECONDS);
        await until(() => view!.camera.connected, PATIENCE_SECONDS);
        found.again.push(seconds());
        await until(() => view!.gaps.count > before.gaps.count, PATIENCE_SECONDS);
      } else {
        await until(() => !view!.counter.connected, PATIENCE_SECONDS);
        await until(() => view!.counter.connected && view!.frames > before.frames, PATIENCE_SECONDS);
        const again = { seconds: seconds(), frames: view!.frames };
        found.again.push(again.seconds);
        await until(() => view!.frames >= before.frames + seconds() * FRAMES_PER_SECOND - FEW_UNITS, PATIENCE_SECONDS);
        found.caughtUp.push(seconds());
        const frames = view!.frames - again.frames;
        if (frames >= FRAMES_PER_SECOND) found.speed.push(frames / FRAMES_PER_SECOND / (seconds() - again.seconds));
      }
      found.declared.push(view!.gaps.seconds - before.gaps.seconds);
      await delay(CALM_SECONDS * 1000, undefined, { signal });
    }
  } finally {
    stop.abort();
    await running;
  }
  return found;
}

function pidOf(victim: Victim): number {
  return childrenOf(process.pid).find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(`${victim}/src/main.ts`))!;
}
