/** Local mode whose processes are killed: they are started again, and what is counted is what would have been. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { loadCameraStreams } from '#crds/load.ts';
import { RtspServer, withoutRtspServer } from '../hack/machine/rtsp-server.ts';
import { childrenOf } from '../hack/machine/processes.ts';
import { readOptions } from './options.ts';
import { countLocally, type Outcome } from './run.ts';

const clip = join(import.meta.dirname, '../hack/samples/one-by-one/one-by-one-person-detection.mp4');

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'footfall-killed-'));
  // One person goes out in frame 22, and the next one comes in 52 frames later.
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-ss', '17', '-t', '8', '-i', clip, '-c', 'copy', join(folder, 'clip.mp4')]);
});
after(() => rmSync(folder, { recursive: true }));

type Victim = 'counter-service' | 'edge-agent';

interface Killing {
  readonly victim: Victim;
  /** So many frames are counted by then. */
  readonly at: readonly number[];
}

interface Ran extends Outcome {
  readonly events: string;
  readonly said: readonly string[];
}

function pidOf(victim: Victim): number | undefined {
  return childrenOf(process.pid).find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(`${victim}/src/main.ts`));
}

function declare(url: string): string {
  const file = join(folder, 'door.yaml');
  writeFileSync(
    file,
    `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: door}
spec: {source: {url: '${url}'}, lines: [{name: entrance, from: {x: 570, y: 1000}, to: {x: 320, y: 580}}, {name: exit, from: {x: 770, y: 500}, to: {x: 770, y: 1000}}]}
`,
  );
  return file;
}

async function count(
  url: string,
  killings: readonly Killing[],
  { enough = Infinity, ledger }: { enough?: number; ledger?: string } = {},
): Promise<Ran> {
  const file = declare(url);
  const events = join(folder, 'events.jsonl');
  const planned = killings.flatMap(({ victim, at }) => at.map((frames) => ({ victim, frames })));
  const said: string[] = [];
  const stop = new AbortController();
  const options = readOptions([file, '--quiet', '--events', events, ...(ledger === undefined ? [] : ['--ledger', ledger])]);
  const outcome = await countLocally(loadCameraStreams([file]).streams, options, stop.signal, {
    show: ([report]) => {
      const frames = report?.view?.frames ?? 0;
      const due = planned.findIndex((one) => frames >= one.frames);
      if (due >= 0) process.kill(pidOf(planned.splice(due, 1)[0]!.victim)!, 'SIGKILL');
      else if (planned.length === 0 && frames >= enough) stop.abort();
    },
    say: (sentence) => said.push(sentence),
  });
  assert.deepEqual(planned, [], 'all were killed');
  return { ...outcome, events: readFileSync(events, 'utf8'), said };
}

function resultOf({ reports: [report], exitCode, events }: Ran) {
  const { in: entered, out, inside, frames, gaps, lines } = report!.view!;
  return { exitCode, events, entered, out, inside, frames, gaps, lines, failure: report!.failure };
}

suite('a file', { timeout: 300_000 }, () => {
  let undisturbed: ReturnType<typeof resultOf> | undefined;
  before(async () => {
    undisturbed = resultOf(await count(join(folder, 'clip.mp4'), []));
    assert.ok(undisturbed.frames > 75 && undisturbed.entered === 1 && undisturbed.out === 1);
  });

  const killings: readonly [string, readonly Killing[]][] = [
    ['counter is killed', [{ victim: 'counter-service', at: [15, 45, 65] }]],
    ['agent is killed', [{ victim: 'edge-agent', at: [15, 45, 65] }]],
    [
      'processes are all killed',
      [
        { victim: 'counter-service', at: [20, 60] },
        { victim: 'edge-agent', at: [20, 70] },
      ],
    ],
  ];
  for (const [what, killed] of killings) {
    test(`whose ${what} again and again gives the same counts and events as one that is left alone`, async () => {
      const ran = await count(join(folder, 'clip.mp4'), killed);
      assert.deepEqual(resultOf(ran), undisturbed);
      assert.equal(ran.said.length, killed.flatMap(({ at }) => at).length, 'each death was told');
    });
  }

  test('whose run is stopped is counted on by the next run with its ledger; once counted, it is not counted again', async () => {
    const [video, ledger] = [join(folder, 'clip.mp4'), join(folder, 'ledger')];
    rmSync(join(folder, 'events.jsonl'), { force: true });
    for (const enough of [20, 60]) {
      const { exitCode, reports, said } = await count(video, [], { enough, ledger });
      assert.deepEqual([exitCode, reports[0]!.failure?.reason], [1, 'Interrupted']);
      assert.match(said.join(), /^door: The run was stopped at 0:0\d of the video: the same command goes on from there\.$/);
    }
    assert.deepEqual(resultOf(await count(video, [], { ledger })), undisturbed);
    const again = await count(video, [], { ledger });
    assert.deepEqual(resultOf(again), undisturbed);
    assert.match(again.said.join(), /^door: this file was counted to its end already, and is not counted again; /);
    utimesSync(video, new Date(), new Date());
    const other = resultOf(await count(video, [], { ledger }));
    assert.deepEqual([other.entered, other.out, other.gaps.count], [2, 2, 1], 'a file that was replaced is other video');
  });

  test('is refused while another run uses the ledger', async () => {
    const ledger = join(folder, 'busy');
    mkdirSync(join(ledger, 'sessions'), { recursive: true });
    writeFileSync(join(ledger, 'sessions/running'), String(process.ppid));
    rmSync(join(folder, 'events.jsonl'), { force: true });
    await assert.rejects(count(join(folder, 'clip.mp4'), [], { ledger }), /busy is in use by process \d+: wait for its end/);
  });
});

test('a run that is stopped while its counter is dead ends in order', { timeout: 60_000 }, async () => {
  const file = declare(join(folder, 'clip.mp4'));
  const stop = new AbortController();
  let killed = false;
  const { exitCode, reports } = await countLocally(loadCameraStreams([file]).streams, readOptions([file]), stop.signal, {
    show: ([report]) => {
      if (!killed && report!.view!.frames > 20) killed = process.kill(pidOf('counter-service')!, 'SIGKILL');
    },
    say: () => stop.abort(),
  });
  assert.deepEqual([exitCode, reports[0]!.failure?.reason], [1, 'Interrupted']);
  assert.deepEqual([pidOf('counter-service'), pidOf('edge-agent')], [undefined, undefined]);
});

test('a counter that dies whenever it is started is given up, in a sentence', { timeout: 60_000 }, async (context) => {
  const file = declare(join(folder, 'clip.mp4'));
  const said: string[] = [];
  let counted = false;
  const killing = setInterval(() => {
    const pid = counted ? pidOf('counter-service') : undefined;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }, 50);
  context.after(() => clearInterval(killing));
  const { exitCode, reports } = await countLocally(loadCameraStreams([file]).streams, readOptions([file]), context.signal, {
    show: ([report]) => (counted ||= report!.view!.frames > 0),
    say: (sentence) => said.push(sentence),
  });
  assert.equal(said.length, 6);
  assert.equal(said[5], 'door: The counter has failed: it was killed (SIGKILL).');
  assert.deepEqual(
    [exitCode, reports[0]!.failure],
    [1, { reason: 'CounterFailed', sentence: 'The counter has failed: it was killed (SIGKILL).' }],
  );
});

test(
  'a camera whose agent is killed goes on in its session, and nothing is left in memory',
  { skip: withoutRtspServer(), timeout: 60_000 },
  async (context) => {
    const camera = await RtspServer.start();
    context.after(() => camera.stop());
    await camera.publish(clip);
    const { reports, said } = await count(camera.url(), [{ victim: 'edge-agent', at: [20] }], { enough: 60 });
    assert.equal(reports[0]!.failure, undefined);
    assert.equal(reports[0]!.view?.gaps.count, 1, 'the time between is declared, once');
    assert.match(said[0]!, /door: the agent has died \(it was killed \(SIGKILL\)\); it is started again, and goes on\./);
    if (existsSync('/dev/shm'))
      assert.deepEqual(
        readdirSync('/dev/shm').filter((name) => name.startsWith(`footfall-count-${process.pid}-`)),
        [],
      );
  },
);
