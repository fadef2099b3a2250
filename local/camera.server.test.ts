/** Local mode with a real camera as far as the wire goes: what its user sees when it breaks, heals, or is not there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { after, before, suite, test, type TestContext } from 'node:test';
import { loadCameraStreams } from '#crds/load.ts';
import { RtspServer, withoutRtspServer } from '../hack/machine/rtsp-server.ts';
import { readOptions } from './options.ts';
import type { StreamReport } from './report.ts';
import { countLocally, type Outcome } from './run.ts';

const clip = join(import.meta.dirname, '../hack/samples/one-by-one/one-by-one-person-detection.mp4');
const USER = 'admin';
/** Longer than the burst of a server on a busy machine: one of 3 s was seen. */
const AWAY_SECONDS = 6;
const PASSWORD = "p@ssw/rd%!'é";

let folder = '';
before(() => (folder = mkdtempSync(join(tmpdir(), 'footfall-camera-test-'))));
after(() => rmSync(folder, { recursive: true }));

function declare(url: string, { password }: { password?: string } = {}): string {
  const credentials = password === undefined ? '' : ', credentialsSecretRef: {name: door}';
  mkdirSync(join(folder, 'secrets/door'), { recursive: true });
  writeFileSync(join(folder, 'secrets/door/username'), USER);
  writeFileSync(join(folder, 'secrets/door/password'), password ?? '');
  const file = join(folder, 'door.yaml');
  writeFileSync(
    file,
    `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: door}
spec: {source: {url: '${url}'${credentials}}, lines: [{name: entrance, from: {x: 570, y: 1000}, to: {x: 320, y: 580}}]}
`,
  );
  return file;
}

/** Counts in the background; `when` resolves with the first report that fulfils a condition. */
class Run {
  readonly outcome: Promise<Outcome>;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<(report: StreamReport) => void>();
  #last: StreamReport | undefined;

  constructor(context: TestContext, file: string) {
    context.after(() => this.end());
    const options = readOptions([file, '--quiet']);
    this.outcome = countLocally(loadCameraStreams([file]).streams, options, this.#stop.signal, {
      show: ([report]) => {
        this.#last = report;
        for (const look of this.#waiting) look(report!);
      },
      say: () => undefined,
    });
  }

  when(condition: (view: NonNullable<StreamReport['view']>) => boolean): Promise<NonNullable<StreamReport['view']>> {
    return new Promise((resolve) => {
      const look = ({ view }: StreamReport) => {
        if (view === undefined || !condition(view)) return;
        this.#waiting.delete(look);
        resolve(view);
      };
      this.#waiting.add(look);
      if (this.#last !== undefined) look(this.#last);
    });
  }

  async end(): Promise<StreamReport> {
    this.#stop.abort();
    return (await this.outcome).reports[0]!;
  }
}

suite('a camera', { skip: withoutRtspServer(), timeout: 120_000 }, () => {
  test('that stops in mid-stream and comes back is counted on, and the gap is declared with its length', async (context) => {
    const server = await RtspServer.start();
    context.after(() => server.stop());
    await server.publish(clip);
    const run = new Run(context, declare(server.url()));
    await run.when((view) => view.frames > 30);
    await server.down();
    const lost = await run.when((view) => !view.camera.connected);
    assert.match(lost.camera.sentence ?? '', /127\.0\.0\.1/);
    const downAt = performance.now();
    // What a server hands over in a burst when it is connected runs ahead of the clock, and is no part of the gap.
    await setTimeout(AWAY_SECONDS * 1000);
    await server.up();
    await server.publish(clip);
    const back = await run.when((view) => view.camera.connected && view.gaps.count === 1 && view.frames > lost.frames + 20);
    const downSeconds = (performance.now() - downAt) / 1000;
    assert.ok(back.gaps.seconds > 0.2 && back.gaps.seconds < downSeconds + 5, `${back.gaps.seconds} s of ${downSeconds}`);
    const report = await run.end();
    assert.equal(report.failure, undefined);
    assert.equal(report.view?.provisional, false, 'what was counted was settled at the end');
  });

  test('with H.265 is counted like one with H.264, and one that changes its resolution too', async (context) => {
    const server = await RtspServer.start();
    context.after(() => server.stop());
    const h265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=20', '-tune', 'zerolatency'];
    const publisher = await server.publish(clip, { coding: h265 });
    const run = new Run(context, declare(server.url()));
    await run.when((view) => view.frames > 25);
    publisher.kill('SIGKILL');
    await run.when((view) => !view.camera.connected);
    await server.publish(clip, {
      coding: ['-vf', 'scale=640:480', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-tune', 'zerolatency'],
    });
    // What was sent before the break may be counted after it.
    const lost = await run.when((view) => view.gaps.count > 0);
    const second = await run.when((view) => view.frames > lost.frames + 25);
    assert.equal(second.gaps.count, 1);
    assert.equal((await run.end()).failure, undefined);
  });

  test('with a password: the right one counts, and shows in no process; a wrong one is told in one sentence', async (context) => {
    const server = await RtspServer.start({ username: USER, password: PASSWORD });
    context.after(() => server.stop());
    await server.publish(clip);
    const run = new Run(context, declare(server.url(), { password: PASSWORD }));
    await run.when((view) => view.frames > 10);
    for (const text of everyProcess()) assert.ok(!leaks(text), text.slice(0, 200));
    const { failure, view } = await run.end();
    assert.equal(failure, undefined);
    assert.ok(!leaks(JSON.stringify(view)));

    const { reports, exitCode } = await new Run(context, declare(server.url(), { password: 'wrong' })).outcome;
    assert.equal(exitCode, 2);
    assert.equal(reports[0]!.failure?.reason, 'CameraUnauthorized');
    assert.match(reports[0]!.failure?.sentence ?? '', /refused the user name or password/);
  });
});

function leaks(text: string): boolean {
  return [PASSWORD, encodeURIComponent(PASSWORD), 'p%40ssw'].some((spelling) => text.includes(spelling));
}

/** Command line and environment of every process but this one. */
function everyProcess(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) =>
    ['cmdline', 'environ'].map((file) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    }),
  );
}
