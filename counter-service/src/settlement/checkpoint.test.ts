import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { type AnalysisState, analyse, startAnalysis, type View } from '../analysis/analysis.ts';
import { requirePossiblePlan } from '../detection/region-planner.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { record, startOutbox } from '../events/outbox.ts';
import { modelInput } from '../fixtures/model-input.ts';
import { decodeJob } from '../media/decoding.ts';
import { Refused } from '../refusal.ts';

const lines = [{ name: 'entrance', from: { x: 500, y: 0 }, to: { x: 500, y: 1000 } }];
const zones = [
  {
    name: 'hall',
    polygon: [
      { x: 0, y: 0 },
      { x: 900, y: 0 },
      { x: 900, y: 900 },
    ],
  },
];
const view: View = {
  lines,
  zones,
  picture: { width: 640, height: 480 },
  region: 'auto',
  input: modelInput,
};
const detection = { model: 'any', framesPerSecond: 10, view: 'Oblique', region: 'auto' } as const;
const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 640, height: 480, decodeDelay: 0 };

/** After a walk of one person over the line. */
const walked = Array.from({ length: 60 }).reduce<AnalysisState>(
  (state, _, index) => {
    const left = 100 + index * 7;
    const frame = {
      presentationMicros: index * 100_000,
      span: { units: 1, position: index + 1, newestMicros: index * 100_000 },
      detections: [{ left, right: left + 50, top: 100, bottom: 300, score: 0.9 }],
    };
    return analyse(state, frame, detection, view).state;
  },
  startAnalysis(view, undefined, 0),
);
const crossing = {
  type: 'crossing',
  number: 1,
  line: 'entrance',
  direction: 'out',
  time: 3.2,
  frame: 33,
  track: 1,
  lineIn: 0,
  lineOut: 1,
} as const;
const whole: Checkpoint = { analysis: walked, outbox: record(startOutbox({ crossings: 0, gaps: 0 }), [crossing]) };
const written = writeCheckpoint(whole).toString();
const read = (text: string, position = 0) => readCheckpoint(Buffer.from(text), position);

test('a counter reads the checkpoint that it has written, bit by bit', () => {
  assert.equal(writeCheckpoint(read(written)).toString(), written);
  assert.deepEqual(read(written), JSON.parse(JSON.stringify(whole)));
  assert.equal(walked.counter.in + walked.counter.out, 1);
});

test('a checkpoint of version 1 is read: its totals continue, and its uncommitted crossings are still delivered', () => {
  const { look, ...rest } = walked;
  const { zones: present, ...counter } = rest.counter;
  const old = {
    version: 1,
    ...rest,
    look,
    counter: { ...counter, zones: present.map((zone) => ({ ...zone, present: [{ track: 1, seenAt: 5 }] })) },
    uncommitted: [{ line: 'entrance', direction: 'out', time: 3.2, frame: 33, track: 1 }],
  };
  const { analysis, outbox } = read(JSON.stringify(old));
  assert.deepEqual({ ...analysis.counter, zones: [] }, { ...walked.counter, zones: [] });
  assert.deepEqual(analysis.counter.zones[0]?.present, [{ track: 1, enteredAt: 5, seenAt: 5 }]);
  assert.deepEqual(outbox, { recorded: { crossings: 1, gaps: 0 }, delivered: { crossings: 0, gaps: 0 }, waiting: [crossing] });
});

test('a checkpoint before the committed position is refused', () => {
  assert.throws(() => read(written, 61), { reason: 'INVALID', message: 'The checkpoint is of access unit 60, though 61 are committed.' });
});

suite('hostile bytes', () => {
  const survive = (text: string) => {
    let state: AnalysisState;
    try {
      state = read(text).analysis;
      requirePossiblePlan(state.look, view.input);
    } catch (error) {
      assert.ok(error instanceof Refused && error.reason === 'INVALID' && error.message.length < 300, String(error));
      return;
    }
    // What is taken can be counted on with, and put into a decoder's arguments.
    const { crop, picture } = state.look.plan;
    const job = decodeJob({ codec, framesPerSecond: 10, crop, ...picture });
    assert.doesNotMatch(job.outputOptions.join(' '), /movie|[[\]@]|NaN|undefined/);
    const next = {
      presentationMicros: state.presentationMicros + 100_000,
      span: { units: 1, position: state.position + 1, newestMicros: 0 },
      detections: [],
    };
    analyse(state, next, detection, view);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  };

  test('of any kind are refused with a sentence', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), survive), FUZZ);
  });

  test('that are a changed checkpoint are refused, or do no harm', () => {
    const text = written;
    const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null/g)].map(({ index, 0: token }) => ({
      index,
      length: token.length,
    }));
    const instead = fc.oneof(
      fc.constantFrom(
        'null',
        '-1',
        '1e999',
        '1e308',
        '9007199254740993',
        '0.5',
        '"movie=/etc/passwd"',
        '[]',
        '{}',
        '"__proto__"',
        '{"__proto__":{"polluted":1}}',
        'true',
      ),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), instead), { minLength: 1, maxLength: 3 }), (changes) => {
        let changed = text;
        for (const [at, value] of changes.toSorted(([a], [b]) => (b % tokens.length) - (a % tokens.length))) {
          const { index, length } = tokens[at % tokens.length]!;
          changed = changed.slice(0, index) + value + changed.slice(index + length);
        }
        survive(changed);
      }),
      FUZZ,
    );
  });
});
