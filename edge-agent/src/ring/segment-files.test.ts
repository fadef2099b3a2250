/** A folder that fails: it breaks, is full, or refuses every write. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { at, codec, content, ringOf, unit, upTo } from '../fixtures/numbered.ts';
import { smallDisk } from '../fixtures/small-disk.ts';
import { retainIn } from './retained.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'footfall-ring-'));
});
after(() => rmSync(root, { recursive: true }));

const emptyFolder = () => mkdtempSync(join(root, 'folder-'));

test('a segment that breaks while it grows: what follows in its group is lost, up to the next keyframe', () => {
  const directory = emptyFolder();
  const retained = retainIn(directory, at(0));
  const ring = ringOf(retained);
  for (const number of [1, 2, 3]) ring.append(unit(number), codec);
  const path = join(directory, '0000000000000001.segment');
  const { length } = readFileSync(path);
  truncateSync(path, length - 1);
  truncateSync(path, length);
  assert.deepEqual(content(ring, 3), [1, 2]);
  for (const number of [4, 5, 6]) ring.append(unit(number), codec);
  assert.deepEqual(content(ring, 6), [1, 2, 6]);
  assert.deepEqual([ring.evictedUnits, retained.faults.corruptFiles], [3, 1]);
  retained.close();
});

suite('a folder', () => {
  test('that is full holds the newest groups of pictures, still takes a checkpoint, and hands the session to the next process', () => {
    const directory = emptyFolder();
    const disk = smallDisk(directory, 16_000);
    const first = retainIn(directory, at(0), disk);
    const ring = ringOf(first);
    for (const number of upTo(200)) {
      ring.append(unit(number, 500), codec);
      assert.ok(ring.holding(number) !== undefined, `${number} is there`);
    }
    const kept = 200 - ring.evictedUnits;
    assert.ok(kept >= 15 && kept <= 30, `${kept} are kept`);
    assert.ok(first.faults.writes > 0);
    first.checkpoints.store({ serial: 1, position: 199, presentationMicros: 0, state: Buffer.alloc(6000) });
    first.session.setTerm(2);
    assert.ok(ring.holding(200) !== undefined, 'the growing segment stays');
    first.close();
    const second = retainIn(directory, at(30), disk);
    assert.deepEqual([second.session.facts.lastTerm, second.recovered.newest.number, second.restarts], [2, 200, 1]);
    assert.equal(second.checkpoints.newestFrom(199)?.state.length, 6000);
    second.close();
  });

  test('with one group of pictures that it cannot hold loses the rest of it, and continues with the next keyframe', () => {
    const directory = emptyFolder();
    const retained = retainIn(directory, at(0), smallDisk(directory, 3000));
    const ring = ringOf(retained);
    for (const number of upTo(7)) ring.append(unit(number, number === 4 ? 2000 : 200), codec);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7].filter((number) => ring.holding(number)),
      [1, 2, 3, 6, 7],
    );
    assert.equal(ring.evictedUnits, 2);
    assert.equal(ring.startableFor({ position: 3, presentationMicros: 200_000 })?.first, 1);
    assert.equal(ring.startableFor({ position: 4, presentationMicros: 300_000 }), undefined, 'no decoder gets past the loss');
    retained.close();
  });

  test('that refuses every write loses and counts access units, refuses a checkpoint or a term in a sentence, and heals', () => {
    const directory = emptyFolder();
    const disk = smallDisk(directory, 1e6);
    const retained = retainIn(directory, at(0), disk);
    const ring = ringOf(retained);
    ring.append(unit(1), codec);
    disk.broken = 'EIO';
    for (const number of [2, 3, 4, 5, 6, 7]) ring.append(unit(number), codec);
    assert.equal(ring.evictedUnits, 6);
    const store = () => retained.checkpoints.store({ serial: 1, position: 1, presentationMicros: 0, state: Buffer.from('x') });
    assert.throws(store, { message: "The ring's folder cannot take checkpoint-000000000001 (EIO)." });
    assert.equal(retained.checkpoints.newestFrom(0), undefined);
    assert.throws(() => retained.session.setTerm(9), { message: "The ring's folder cannot take session (EIO)." });
    assert.equal(retained.session.facts.lastTerm, 0);
    disk.broken = undefined;
    for (const number of [8, 9, 10, 11, 12]) ring.append(unit(number), codec);
    store();
    assert.deepEqual(content(ring, 12), [1, 11, 12]);
    retained.close();
  });
});
