/** What agent and counter keep, lose and write over minutes, with real processes and a real camera; `npm run bench` has the long ones. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { withoutRtspServer } from '../machine/rtsp-server.ts';
import { counterAway, MAX_MORE_MEGABYTES } from './away.ts';
import { watchEmptyRoom } from './quiet.ts';

const clip = join(import.meta.dirname, '../samples/one-by-one/one-by-one-person-detection.mp4');

function emptyFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-durable-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test(
  'a counter that stands still for longer than the ring reaches: memory stays bounded, and the gap is exact to the access unit',
  { skip: withoutRtspServer(), timeout: 120_000 },
  async (context) => {
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=640:-2'];
    const { residentMegabytes, ring, lostUnits, view, committed } = await counterAway({
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
    assert.equal(view.frames + lostUnits, committed.position, 'each is seen or declared, and none is both');
    assert.ok(committed.gaps.count > 0 && committed.gaps.last?.reason === 'RingFull');
    context.diagnostic(
      `${lostUnits} of ${committed.position} access units declared as lost, in ${committed.gaps.count} gaps of ${committed.gaps.seconds} s; at most ${ring.mostMegabytes.toFixed(1)} MB in the ring, ${more.toFixed(0)} MB more resident`,
    );
  },
);

test(
  'five minutes of an empty room cost the ledger no write after the first, and the ring is trimmed all the same',
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
