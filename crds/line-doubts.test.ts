import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type Line, lineDoubts, type People } from './line-doubts.ts';
import { loadCameraStreams } from './load.ts';

const line = (x1: number, y1: number, x2: number, y2: number, name = 'door'): Line => ({
  name,
  from: { x: x1, y: y1 },
  to: { x: x2, y: y2 },
});
const doubts = (lines: readonly Line[], people?: People) => lineDoubts(lines, people).map(({ reason }) => reason);

const doubtful: readonly [what: string, lines: readonly Line[], reason: string][] = [
  ['at the top', [line(0, 17, 1000, 17)], 'LineAtEdge'],
  ['on the bottom', [line(0, 1000, 1000, 1000)], 'LineAtEdge'],
  ['just above the bottom', [line(0, 990, 1000, 990)], 'LineAtEdge'],
  ['on the left edge', [line(0, 0, 0, 1000)], 'LineAtEdge'],
  ['on the right edge, the other way', [line(1000, 900, 1000, 100)], 'LineAtEdge'],
  ['shorter than a person is wide', [line(500, 500, 510, 505)], 'LineTooShort'],
  ['beside another one', [line(500, 200, 500, 800, 'one'), line(504, 300, 504, 700, 'other')], 'LinesTooClose'],
];
for (const [what, lines, reason] of doubtful) test(`a line ${what} is doubtful`, () => assert.deepEqual(doubts(lines), [reason]));

const sound: readonly [what: string, lines: readonly Line[]][] = [
  ['through the middle', [line(500, 226, 500, 573)]],
  ['from edge to edge', [line(500, 0, 500, 1000), line(0, 500, 1000, 500)]],
  ['a little inside of the edge', [line(20, 0, 20, 1000), line(0, 980, 1000, 980)]],
  ['from corner to corner', [line(0, 0, 1000, 1000)]],
  ['end to end with another', [line(100, 500, 500, 500), line(500, 500, 900, 500)]],
];
for (const [what, lines] of sound) test(`a line ${what} is sound`, () => assert.deepEqual(doubts(lines), []));

test('people who were seen decide with figures in pixels', () => {
  const people = (height: number): People => ({
    picture: { width: 768, height: 576 },
    heightAt: () => height,
    unit: { name: 'pixels', pixels: 1 },
  });
  const low = line(0, 960, 1000, 960);
  assert.deepEqual(doubts([low]), []);
  assert.deepEqual(doubts([low], people(80)), []);
  const [doubt] = lineDoubts([low], people(300));
  assert.match(doubt!.message, /^can hardly be crossed: on its "in" side .*it has 23 of the 31 pixels that it needs/);
  assert.deepEqual(doubts([line(500, 500, 500, 600)], people(300)), ['LineTooShort']);
  assert.deepEqual(doubts([line(0, 30, 1000, 30)], people(30)), [], 'far people are small');
});

test('no example is doubtful', () => {
  const files = ['examples', 'crds/samples'].flatMap((folder) =>
    readdirSync(new URL(`../${folder}`, import.meta.url))
      .filter((name) => name.endsWith('.yaml') && !name.startsWith('invalid'))
      .map((name) => new URL(`../${folder}/${name}`, import.meta.url).pathname),
  );
  const { streams } = loadCameraStreams(files);
  assert.ok(streams.length > 5);
  assert.deepEqual(
    streams.flatMap(({ stream }) => lineDoubts(stream.spec.lines)),
    [],
  );
});
