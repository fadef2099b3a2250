/** Little films of a camera's pictures and when they arrive: which times they get. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Random } from '../../../hack/machine/random.ts';
import { Pace, type Paced } from './pace.ts';

interface Film {
  readonly seconds?: number;
  readonly framesPerSecond?: number;
  /** How many times as fast as time the camera's clock runs. */
  readonly rate?: number;
  readonly burstSeconds?: number;
  readonly jitterSeconds?: number;
  /** What the network carries; a keyframe is ten times as large as the others, which have 1000 bytes. */
  readonly bytesPerSecond?: (seconds: number) => number;
  readonly keyframeEvery?: number;
  readonly reordered?: boolean;
}

interface Shown {
  /** When the picture was really taken. */
  readonly takenSeconds: number;
  /** The time that it got, and when it was known. */
  readonly seconds: number;
  readonly knownAt: number;
}

/** Where the camera's clock begins, and when it is connected to. */
const [CAMERA_SECONDS, CONNECTED_AT] = [7000, 100];

/** @returns what goes on, in presentation order, and whether the clock was found to be wrong. */
function play(film: Film): { shown: Shown[]; pieces: number; wrongRate: number | undefined } {
  const { seconds = 40, framesPerSecond = 10, rate = 1, burstSeconds = 0, jitterSeconds = 0, keyframeEvery = 20 } = film;
  const random = new Random(5);
  const pace = new Pace();
  const taken = new Map<Uint8Array, number>();
  const shown: Shown[] = [];
  let [shift, pieces, freeAt, arrivedAt] = [0, 0, 0, 0];
  const show = (units: readonly Paced[]) => {
    for (const { unit, beginsMicros } of units) {
      if (beginsMicros !== undefined) [shift, pieces] = [beginsMicros - unit.presentationMicros, pieces + 1];
      const takenSeconds = taken.get(unit.data)!;
      shown.push({ takenSeconds, seconds: (unit.presentationMicros + shift) / 1e6, knownAt: arrivedAt });
    }
  };
  for (let index = 0; index < seconds * framesPerSecond; index += 1) {
    const place = index % keyframeEvery;
    const paired = film.reordered === true && place > 0 && (place % 2 === 0 || place + 1 < keyframeEvery);
    // I0 P2 B1 P4 B3: as a decoder needs them.
    const order = paired ? index + (place % 2 === 1 ? 1 : -1) : index;
    const keyframe = index % keyframeEvery === 0;
    const data = new Uint8Array(keyframe ? 10_000 : 1000);
    const takenSeconds = CONNECTED_AT - burstSeconds + order / framesPerSecond;
    taken.set(data, takenSeconds);
    const sentAt = Math.max(CONNECTED_AT, CONNECTED_AT - burstSeconds + index / framesPerSecond) + random.between(0, jitterSeconds);
    freeAt = Math.max(freeAt, sentAt) + data.length / (film.bytesPerSecond?.(freeAt - CONNECTED_AT) ?? Infinity);
    arrivedAt = Math.max(arrivedAt, freeAt);
    if (pace.heldUntilMicros !== undefined && pace.heldUntilMicros < arrivedAt * 1e6) show(pace.settle(pace.heldUntilMicros));
    const presentationMicros = Math.round((CAMERA_SECONDS + (order / framesPerSecond) * rate) * 1e6);
    show(pace.take({ presentationMicros, keyframe, data }, arrivedAt * 1e6));
  }
  show(pace.settle(arrivedAt * 1e6));
  return { shown: shown.toSorted((a, b) => a.takenSeconds - b.takenSeconds), pieces, wrongRate: pace.wrongRate };
}

/** Of what is shown after a while: the largest difference to when it was taken. */
function error(shown: readonly Shown[], afterSeconds = 0): number {
  const judged = shown.filter(({ takenSeconds }) => takenSeconds >= CONNECTED_AT + afterSeconds);
  assert.ok(judged.length > 0);
  return Math.max(...judged.map(({ seconds, takenSeconds }) => Math.abs(seconds - takenSeconds)));
}

const inOrder = (shown: readonly Shown[]) => shown.every(({ seconds }, index) => index === 0 || seconds > shown[index - 1]!.seconds);

suite('the times are those at which pictures were taken, in one piece, of a camera', () => {
  const films: Record<string, Film> = {
    'that sends them evenly': {},
    'that takes them in another order': { reordered: true },
    'that takes one a second': { framesPerSecond: 1, keyframeEvery: 2 },
    'that hands over 3 s at once': { burstSeconds: 3 },
    'that hands over 30 s at once': { burstSeconds: 30, seconds: 60 },
    'that hands over 3 s at once, a keyframe every 12 s': { burstSeconds: 3, keyframeEvery: 120 },
    'of 25 a second': { framesPerSecond: 25, keyframeEvery: 50 },
  };
  for (const [name, film] of Object.entries(films)) {
    test(name, () => {
      const { shown, pieces, wrongRate } = play(film);
      assert.deepEqual([pieces, wrongRate], [1, undefined]);
      assert.equal(shown.length, (film.seconds ?? 40) * (film.framesPerSecond ?? 10));
      // A picture that arrives before one that is shown earlier arrives early.
      assert.ok(error(shown) <= (film.reordered ? 0.11 : 0.001), String(error(shown)));
      assert.ok(inOrder(shown));
    });
  }
});

suite('no clock is found wrong, and nothing is lost, of a camera', () => {
  const films: Record<string, Film> = {
    'that jitters by half a second': { jitterSeconds: 0.5 },
    'whose clock drifts by 5 %': { rate: 1.05 },
    'whose clock drifts by -5 %': { rate: 0.95, burstSeconds: 3 },
    'behind a network that is too slow by half': { bytesPerSecond: () => 7000 },
    'behind a network that is too slow for 20 s': { bytesPerSecond: (seconds) => (seconds < 20 ? 6000 : 100_000) },
    'behind a network that stands still for 8 s': { bytesPerSecond: (seconds) => (seconds > 2 && seconds < 3 ? 600 : 100_000) },
  };
  for (const [name, film] of Object.entries(films)) {
    test(name, () => {
      const { shown, pieces, wrongRate } = play(film);
      assert.deepEqual([pieces, wrongRate, shown.length], [1, undefined, 400]);
      assert.ok(inOrder(shown));
    });
  }
});

suite('the clock is found wrong, and the times are those of arrival from the first picture on, of a camera', () => {
  const films: Record<string, Film> = {
    'that counts milliseconds': { rate: 1 / 90 },
    'that counts in 8 kHz': { rate: 8 / 90 },
    'whose clock is ten times too fast': { rate: 10.5 },
    'whose clock is ten times too fast, and that hands over 2 s at once': { rate: 10.5, burstSeconds: 2 },
    'whose clock is three times too fast, and that jitters': { rate: 3, jitterSeconds: 0.2 },
    'that counts milliseconds, in another order': { rate: 1 / 90, reordered: true },
    'of 25 a second that counts milliseconds': { rate: 1 / 90, framesPerSecond: 25 },
  };
  for (const [name, film] of Object.entries(films)) {
    test(name, () => {
      const { shown, pieces, wrongRate } = play(film);
      assert.equal(pieces, 1);
      assert.ok(Math.abs(wrongRate! / film.rate! - 1) < 0.1, String(wrongRate));
      assert.equal(shown.length, 40 * (film.framesPerSecond ?? 10));
      assert.ok(error(shown, film.burstSeconds === undefined ? 0 : 10) < 0.6, String(error(shown)));
      assert.ok(inOrder(shown));
    });
  }
});

suite('what is found out late begins anew at a keyframe, of a camera', () => {
  for (const rate of [0.4, 0.55, 1.7]) {
    test(`whose clock runs at ${rate} of its speed`, () => {
      const { shown, pieces, wrongRate } = play({ rate, seconds: 60 });
      assert.equal(pieces, 2);
      assert.ok(Math.abs(wrongRate! / rate - 1) < 0.1, String(wrongRate));
      assert.ok(error(shown, 25) < 0.6, String(error(shown, 25)));
    });
  }
});

test('pictures wait for a second, and for five when the pace cannot be told', () => {
  assert.ok(play({}).shown.every(({ knownAt, takenSeconds }) => knownAt - takenSeconds < 1.11));
  assert.ok(play({ rate: 1 / 90 }).shown.every(({ knownAt, takenSeconds }) => knownAt - takenSeconds < 5.11));
  const few = play({ framesPerSecond: 0.1, keyframeEvery: 1, seconds: 100 });
  assert.deepEqual([few.shown.length, few.wrongRate], [10, undefined]);
});

test('a clock that jumps begins a new piece at the next keyframe', () => {
  const pace = new Pace();
  const units = Array.from({ length: 60 }, (_, index) => ({
    presentationMicros: index * 100_000 + (index < 30 ? 0 : 3600e6),
    keyframe: index % 20 === 0,
    data: new Uint8Array(1),
  }));
  const shown = units.flatMap((unit, index) => pace.take(unit, 5e6 + index * 100_000));
  const begun = shown.flatMap(({ unit, beginsMicros }) => (beginsMicros === undefined ? [] : [[unit.presentationMicros, beginsMicros]]));
  assert.deepEqual(begun, [
    [0, 5e6],
    [3604e6, 9e6],
  ]);
});
