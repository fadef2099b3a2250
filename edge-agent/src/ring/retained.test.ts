/** A folder that outlives its process, with real files: the next process uses what is whole, and nothing else. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { at, codec, content, ringOf, unit, upTo } from '../fixtures/numbered.ts';
import { decodeBlock } from './block.ts';
import { retainIn } from './retained.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'footfall-ring-'));
});
after(() => rmSync(root, { recursive: true }));

const emptyFolder = () => mkdtempSync(join(root, 'folder-'));

/** A process that records these, and is killed. */
function record(directory: string, numbers: readonly number[], world = at(0)): { session: string } {
  const retained = retainIn(directory, world);
  const ring = ringOf(retained);
  for (const number of numbers) ring.append(unit(number), codec);
  retained.close();
  return { session: retained.session.facts.id };
}

suite('a process that starts', () => {
  test('continues where the one before it ended: session, term, numbers, video, checkpoints, and a clock that went on meanwhile', () => {
    const directory = emptyFolder();
    const first = retainIn(directory, at(1000));
    first.session.setTerm(7);
    const ring = ringOf(first);
    for (const number of upTo(12))
      ring.append(unit(number), codec, number === 6 ? { fromMicros: 1, toMicros: 2, reason: 'CAMERA_LOST' } : undefined);
    first.checkpoints.store({ serial: 1, position: 8, presentationMicros: 700_000, state: Buffer.from('at 8') });
    const second = retainIn(directory, at(1300));
    assert.deepEqual(second.session.facts, first.session.facts);
    assert.equal(second.session.facts.lastTerm, 7);
    assert.equal(second.session.startMicros, first.session.startMicros);
    assert.equal(second.elapsedMicros(), 300e6);
    assert.equal(second.restarts, 1);
    assert.deepEqual(second.recovered.newest, { number: 12, presentationMicros: 1_100_000 });
    assert.deepEqual(content(ringOf(second), 12), upTo(12));
    assert.deepEqual(
      second.recovered.groups.map(({ interruption }) => interruption?.reason),
      [undefined, 'CAMERA_LOST', undefined],
    );
    assert.equal(second.checkpoints.newestFrom(8)?.state.toString(), 'at 8');
    assert.deepEqual(second.faults, { writes: 0, corruptFiles: 0 });
    first.close();
    second.close();
  });

  test('does not find what the one before had released', () => {
    const directory = emptyFolder();
    const first = retainIn(directory, at(0));
    const ring = ringOf(first);
    for (const number of upTo(20)) ring.append(unit(number), codec);
    for (const serial of upTo(3)) first.checkpoints.store({ serial, position: serial, presentationMicros: 0, state: Buffer.alloc(9) });
    ring.release(1_100_000);
    first.checkpoints.release(3);
    const second = retainIn(directory, at(2));
    assert.deepEqual(content(ringOf(second), 20), upTo(20).slice(10));
    assert.equal(second.checkpoints.newestFrom(0)?.serial, 3);
    assert.deepEqual(readdirSync(directory).filter((name) => /checkpoint/.test(name)).length, 1);
    first.close();
    second.close();
  });

  test('of a session that was superseded begins the new one, without the old checkpoints', () => {
    const directory = emptyFolder();
    const first = retainIn(directory, at(0));
    const ring = ringOf(first);
    for (const number of upTo(7)) ring.append(unit(number), codec);
    first.session.setTerm(3);
    const old = first.session.facts.id;
    first.checkpoints.store({ serial: 1, position: 5, presentationMicros: 0, state: Buffer.from('of the old one') });
    // It is killed before it clears them.
    first.session.renew(7);
    const second = retainIn(directory, at(1));
    assert.notEqual(second.session.facts.id, old);
    assert.deepEqual([second.session.facts.lastTerm, second.session.facts.firstNumber], [0, 8]);
    assert.equal(second.checkpoints.newestFrom(0), undefined);
    assert.equal(second.recovered.newest.number, 7);
    first.close();
    second.close();
  });

  for (const [what, world] of Object.entries({ 'was restarted': at(5000, 'boot 2'), 'has a clock that went back': at(10) })) {
    test(`on a machine that ${what} begins a new session: the time that it was away is unknown`, () => {
      const directory = emptyFolder();
      const { session } = record(directory, upTo(12), at(1000));
      writeFileSync(join(directory, 'notes.txt'), 'not ours');
      const next = retainIn(directory, world);
      assert.notEqual(next.session.facts.id, session);
      assert.deepEqual(next.recovered, { groups: [], newest: { number: 0, presentationMicros: -1 } });
      assert.equal(next.elapsedMicros(), 0);
      assert.deepEqual(readdirSync(directory), ['newest', 'notes.txt', 'session']);
      next.close();
    });
  }

  test('with a file in place of the folder says so in one sentence', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    assert.throws(() => retainIn(file, at(0)), { message: `The ring's folder ${file} cannot be used (EEXIST).` });
  });
});

suite('a folder of twelve access units and two checkpoints', () => {
  let truth: string;
  let session: string;
  before(() => {
    truth = emptyFolder();
    ({ session } = record(truth, upTo(12)));
    const retained = retainIn(truth, at(1));
    retained.session.setTerm(5);
    for (const serial of [1, 2])
      retained.checkpoints.store({ serial, position: 3 * serial, presentationMicros: 0, state: Buffer.from(`state ${serial}`) });
    retained.close();
  });

  /** Asserts what must hold whatever was done to one of the files. Returns what could be read. */
  function check(directory: string): number[] | 'new session' {
    const retained = retainIn(directory, at(9));
    try {
      if (retained.session.facts.id !== session) {
        assert.deepEqual([retained.session.facts.lastTerm, retained.recovered.groups.length], [0, 0]);
        assert.equal(retained.checkpoints.newestFrom(0), undefined);
        return 'new session';
      }
      assert.equal(retained.session.facts.lastTerm, 5);
      assert.ok(retained.recovered.newest.number >= 12, 'no number is assigned twice');
      assert.ok(retained.recovered.newest.presentationMicros >= 1_100_000, 'no time goes back');
      const checkpoint = retained.checkpoints.newestFrom(0);
      if (checkpoint !== undefined) assert.equal(checkpoint.state.toString(), `state ${checkpoint.serial}`);
      return content(ringOf(retained), retained.recovered.newest.number);
    } finally {
      retained.close();
    }
  }

  function damaged(name: string, damage: (path: string) => void): number[] | 'new session' {
    const directory = emptyFolder();
    try {
      cpSync(truth, directory, { recursive: true });
      damage(join(directory, name));
      return check(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  const SEGMENTS = [1, 6, 11].map((first) => `${String(first).padStart(16, '0')}.segment`);
  /** Asserts that the other groups are whole, and returns how much of this one is there, from its start. */
  const isWholeButFor = (numbers: readonly number[], group: number) => {
    const first = [1, 6, 11][group]!;
    const last = [5, 10, 12][group]!;
    const inside = numbers.filter((number) => number >= first && number <= last);
    assert.deepEqual(
      inside,
      inside.map((_, i) => first + i),
    );
    assert.deepEqual(
      numbers.filter((number) => number < first || number > last),
      upTo(12).filter((number) => number < first || number > last),
    );
    return inside.length;
  };

  test('whose newest segment is cut off at any byte: what comes before is there', () => {
    const { length } = readFileSync(join(truth, SEGMENTS[2]!));
    let most = 0;
    for (let bytes = 0; bytes < length; bytes += 1) {
      const numbers = damaged(SEGMENTS[2]!, (path) => truncateSync(path, bytes));
      assert.ok(numbers !== 'new session');
      const inside = isWholeButFor(numbers, 2);
      assert.ok(inside >= most, 'more bytes, more access units');
      most = inside;
    }
    assert.equal(most, 1);
  });

  for (const [group, name] of SEGMENTS.entries()) {
    test(`of which a segment is changed at any byte: nothing from there on is used (${name})`, () => {
      const whole = readFileSync(join(truth, name));
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (offset, change) => {
          const numbers = damaged(name, (path) => {
            const bytes = Buffer.from(whole);
            bytes[offset]! ^= change;
            writeFileSync(path, bytes);
          });
          assert.ok(numbers !== 'new session');
          assert.ok(isWholeButFor(numbers, group) < [5, 5, 2][group]!);
        }),
        { numRuns: 150 },
      );
    });
  }

  test('of which a segment lacks one access unit in its middle: the ones after it are not taken for others', () => {
    const numbers = damaged(SEGMENTS[0]!, (path) => {
      const bytes = readFileSync(path);
      const head = decodeBlock(bytes)!.bytes;
      const first = head + decodeBlock(bytes, head)!.bytes;
      const second = first + decodeBlock(bytes, first)!.bytes;
      writeFileSync(path, Buffer.concat([bytes.subarray(0, first), bytes.subarray(second)]));
    });
    assert.ok(numbers !== 'new session');
    assert.equal(isWholeButFor(numbers, 0), 1);
  });

  test('of which any file is changed, cut off, emptied or gone: nothing wrong is used', () => {
    const names = readdirSync(truth);
    assert.equal(names.length, 7);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(255), (name, where, change) => {
        damaged(name, (path) => {
          const bytes = readFileSync(path);
          if (change === 0) rmSync(path);
          else if (change < 30) truncateSync(path, where % bytes.length);
          else {
            bytes[where % bytes.length]! ^= change;
            writeFileSync(path, bytes);
          }
        });
      }),
      FUZZ,
    );
  });

  test('of which the session, or both marks of the newest number, cannot be read: a new session', () => {
    assert.equal(
      damaged('session', (path) => truncateSync(path, 20)),
      'new session',
    );
    assert.equal(
      damaged('newest', (path) => truncateSync(path, 0)),
      'new session',
    );
    assert.equal(
      damaged('newest', (path) => rmSync(path)),
      'new session',
    );
  });

  test('of which a mark of the newest number is broken, and the newest segment is gone: no number is assigned twice', () => {
    for (const place of [0, 32]) {
      const directory = emptyFolder();
      record(directory, upTo(12));
      rmSync(join(directory, SEGMENTS[2]!));
      const path = join(directory, 'newest');
      const bytes = readFileSync(path);
      bytes[place]! ^= 1;
      writeFileSync(path, bytes);
      const next = retainIn(directory, at(9));
      assert.ok(next.recovered.newest.number >= 12, `${next.recovered.newest.number}, with place ${place} broken`);
      next.close();
    }
  });

  test('of which the newest checkpoint is corrupt: the one before it is there, and the fault is counted', () => {
    const directory = emptyFolder();
    cpSync(truth, directory, { recursive: true });
    truncateSync(join(directory, 'checkpoint-000000000002'), 30);
    const retained = retainIn(directory, at(9));
    assert.equal(retained.checkpoints.newestFrom(0)?.state.toString(), 'state 1');
    assert.equal(retained.faults.corruptFiles, 1);
    retained.close();
  });

  test('whose process ended in the middle of a write is not corrupt: the access unit had no number yet', () => {
    const directory = emptyFolder();
    cpSync(truth, directory, { recursive: true });
    const path = join(directory, SEGMENTS[2]!);
    const whole = readFileSync(path);
    writeFileSync(path, Buffer.concat([whole, whole.subarray(0, 50)]));
    const retained = retainIn(directory, at(9));
    assert.deepEqual([retained.recovered.newest.number, retained.faults.corruptFiles], [12, 0]);
    retained.close();
  });
});
