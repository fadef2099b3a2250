/** What agent and counter keep, lose and write over minutes, with real processes and a real camera; `npm run bench` runs longer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { withoutRtspServer } from '../machine/rtsp-server.ts';
import { MAX_MORE_MEGABYTES, measureCounterAway } from './away.ts';
import { watchEmptyRoom } from './quiet.ts';

const clip = join(import.meta.dirname, '../samples/one-by-one/one-by-one-person-detection.mp4');

function emptyFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-durable-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test(
  'when a counter is stopped for longer than the ring reaches, memory stays bounded and the gap is exact to the access unit',
  { skip: withoutRtspServer(), timeout: 120_000 },
  async (context) => {
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=640:-2'];
    const { residentMegabytes, ring, lostUnits, view, committed } = await measureCounterAway({
      clip,
      coding,
      awaySeconds: 16,
      buffer: { seconds: 3, megabytes: 4 },
      folder: emptyFolder(context),
      signal: context.signal,
    });
    assert.ok(ring.mostSeconds <= 3, `${ring.mostSeconds} s`);
    assert.ok(ring.mostMegabytes <= 4, `${ring.mostMegabytes} MB`);
    const more = residentMegabytes.most - residentMegabytes.before;
    assert.ok(more <= MAX_MORE_MEGABYTES, `${more} MB more`);
    assert.ok(lostUnits >= 30, `${lostUnits} access units were lost`);
    assert.equal(view.frames + lostUnits, committed.position, 'each access unit is counted or declared lost, and none is both');
    assert.ok(committed.gaps.count > 0 && committed.gaps.last?.reason === 'RingFull');
    const { count, seconds } = committed.gaps;
    context.diagnostic(
      `${lostUnits} of ${committed.position} access units declared as lost, in ${count} gaps of ${seconds} s; ` +
        `at most ${ring.mostMegabytes.toFixed(1)} MB in the ring, ${more.toFixed(0)} MB more resident`,
    );
  },
);

test(
  'over a minute of an empty room the counter writes the ledger only at first, and the agent trims its ring',
  { skip: withoutRtspServer(), timeout: 300_000 },
  async (context) => {
    const { furtherWrites, ringSeconds, evictedUnits, view } = await watchEmptyRoom({
      folder: emptyFolder(context),
      signal: context.signal,
    });
    assert.deepEqual([furtherWrites, evictedUnits, view.in, view.out], [0, 0, 0, 0]);
    context.diagnostic(`the ring has ${ringSeconds.toFixed(0)} s of ${view.seconds.toFixed(0)} s`);
  },
);
