/**
 * The pace of a live camera: its pictures' times, compared with the agent's clock as they arrive.
 *
 *   hold ──they come at pace──▶ trust ──for 15 s they do not──▶ correct, from the next keyframe on
 *     ├── after 5 s they still do not, steadily ──▶ correct, from the first picture on
 *     └── after 5 s it cannot be told ──▶ trust
 *
 * hold      The first pictures of a connection wait: a camera, or a recorder, may hand over seconds of video at once. When the
 *           pace is known, each gets the time at which it was taken: the newest was taken when it arrived.
 * trust     The times are the camera's, shifted.
 * correct   The camera's clock runs at a wrong rate: times are the camera's, divided by the rate and kept close to arrival.
 *
 * A slow network looks like a slow clock, but there large pictures take longer than small ones. Nothing is lost here; a piece that
 * begins anew has the time at which it begins, and the recording declares what lies between.
 */
import type { AccessUnit } from '#proto/media/nut/nut.ts';

/** A camera's clock that jumps by more than this was set: it says nothing of the time between. */
export const CLOCK_JUMP_MICROS = 10e6;

const HOLD = { micros: 5e6, bytes: 8e6 };
/** The pace is known when this much video comes in about this time. */
const PACE_MICROS = 1e6;
const AT_PACE = { slowest: 2 / 3, fastest: 3 / 2 };
/**
 * When a connection begins, a network may be slow, so only a clock in another unit is taken for wrong: the nearest is one of
 * 8 kHz instead of 90, at a rate of 1/11.
 */
const WRONG_AT_FIRST = { slowest: 1 / 4, fastest: 2 };
const WRONG_FOR_LONG = AT_PACE;
const WINDOWS = { micros: 5e6, count: 3, leastPictures: 5 };
/** How much of what a window's pictures take is explained by their size when the network is the bottleneck. */
const EXPLAINED_BY_SIZE = 0.5;
/** By correction, time returns to arrival within about this long, and never by more than a fifth of its speed. */
const CORRECTION = { micros: 5e6, most: 0.2 };

interface Rates {
  readonly slowest: number;
  readonly fastest: number;
}

interface Arrival {
  readonly unit: AccessUnit;
  readonly micros: number;
}

/** A picture in presentation order, that is one later than all before it. */
interface Sample {
  readonly arrivedMicros: number;
  readonly cameraMicros: number;
  readonly bytes: number;
}

export interface Paced {
  readonly unit: AccessUnit;
  /** By the agent's clock: of the first access unit of a piece, whose times have nothing to do with those before it. */
  readonly beginsMicros?: number;
}

interface Hold {
  readonly kind: 'hold';
  readonly sinceMicros: number;
  readonly held: Arrival[];
  bytes: number;
}

interface Correction {
  readonly kind: 'correct';
  readonly rate: number;
  begun: boolean;
  /** Of the newest access unit: by the camera's clock, and by the agent's. */
  cameraMicros: number;
  micros: number;
  slope: number;
}

type State = Hold | { readonly kind: 'trust' } | Correction;

/** For one connection. Pure: the clock is an argument. */
export class Pace {
  /** How many times as fast as the agent's clock the camera's runs, once that is known to be wrong. */
  wrongRate: number | undefined;
  #state: State | undefined;
  #previousMicros: number | undefined;
  #samples: Sample[] = [];
  #newestMicros = -Infinity;

  /** When what is held must go on even if nothing comes; undefined when nothing is held. */
  get heldUntilMicros(): number | undefined {
    return this.#state?.kind === 'hold' && this.#state.held.length > 0 ? this.#state.sinceMicros + HOLD.micros : undefined;
  }

  /** Takes an access unit that arrives now, and returns those that may go on. */
  take(unit: AccessUnit, nowMicros: number): Paced[] {
    const jumps = this.#previousMicros !== undefined && Math.abs(unit.presentationMicros - this.#previousMicros) > CLOCK_JUMP_MICROS;
    const before = jumps ? this.settle(nowMicros) : [];
    if (jumps || this.#state === undefined) this.#begin(nowMicros);
    this.#previousMicros = unit.presentationMicros;
    this.#sample(unit, nowMicros);
    return [...before, ...this.#pass(unit, nowMicros)];
  }

  /** What is held goes on, as far as the pace can be told: it has waited long enough, or nothing more comes. */
  settle(nowMicros: number): Paced[] {
    const state = this.#state;
    if (state?.kind !== 'hold' || state.held.length === 0) return [];
    const rate = wrongRateOf(cut(this.#samples, nowMicros, { micros: HOLD.micros * 0.4, count: 2 }), WRONG_AT_FIRST);
    if (rate === undefined) return this.#trust(state);
    this.#distrust(rate);
    return state.held.flatMap(({ unit, micros }) => this.#pass(unit, micros));
  }

  #trust({ held }: Hold): Paced[] {
    this.#state = { kind: 'trust' };
    // The picture that came soonest after it was taken tells when they were taken.
    const shiftMicros = Math.min(...this.#samples.map(({ arrivedMicros, cameraMicros }) => arrivedMicros - cameraMicros));
    return held.map(({ unit }, index) => (index > 0 ? { unit } : { unit, beginsMicros: unit.presentationMicros + shiftMicros }));
  }

  #begin(nowMicros: number): void {
    this.#state = { kind: 'hold', sinceMicros: nowMicros, held: [], bytes: 0 };
    this.#samples = [];
    this.#newestMicros = -Infinity;
  }

  #sample({ presentationMicros, data }: AccessUnit, arrivedMicros: number): void {
    if (presentationMicros <= this.#newestMicros) return;
    this.#newestMicros = presentationMicros;
    this.#samples.push({ arrivedMicros, cameraMicros: presentationMicros, bytes: data.length });
    const oldest = arrivedMicros - WINDOWS.count * WINDOWS.micros;
    while (this.#samples[0]!.arrivedMicros < oldest) this.#samples.shift();
  }

  #pass(unit: AccessUnit, nowMicros: number): Paced[] {
    const state = this.#state!;
    if (state.kind === 'hold') return this.#hold(state, unit, nowMicros);
    if (state.kind === 'correct') return this.#correct(state, unit, nowMicros);
    const rate = this.#lastingRate(nowMicros);
    if (rate === undefined) return [{ unit }];
    this.#distrust(rate);
    return this.#pass(unit, nowMicros);
  }

  #hold(state: Hold, unit: AccessUnit, nowMicros: number): Paced[] {
    // Nothing before a keyframe can be decoded; but it shows the pace.
    if (state.held.length > 0 || unit.keyframe) {
      state.held.push({ unit, micros: nowMicros });
      state.bytes += unit.data.length;
    }
    if (state.held.length > 0 && isAtPace(this.#samples)) return this.#trust(state);
    return nowMicros - state.sinceMicros < HOLD.micros && state.bytes < HOLD.bytes ? [] : this.settle(nowMicros);
  }

  #distrust(rate: number): void {
    this.wrongRate = rate;
    this.#state = { kind: 'correct', rate, begun: false, cameraMicros: 0, micros: 0, slope: 1 / rate };
  }

  #correct(state: Correction, unit: AccessUnit, nowMicros: number): Paced[] {
    if (!state.begun) {
      if (!unit.keyframe) return [];
      Object.assign(state, { begun: true, cameraMicros: unit.presentationMicros, micros: nowMicros });
      return [{ unit: { ...unit, presentationMicros: Math.round(nowMicros) }, beginsMicros: nowMicros }];
    }
    state.micros += (unit.presentationMicros - state.cameraMicros) * state.slope;
    state.cameraMicros = unit.presentationMicros;
    const early = clamp((state.micros - nowMicros) / CORRECTION.micros, CORRECTION.most);
    state.slope = (1 - early) / state.rate;
    return [{ unit: { ...unit, presentationMicros: Math.round(state.micros) } }];
  }

  #lastingRate(nowMicros: number): number | undefined {
    const windows = cut(this.#samples, nowMicros, WINDOWS);
    const rate = wrongRateOf(windows, WRONG_FOR_LONG);
    return rate === undefined || windows.some(isLimitedByNetwork) ? undefined : rate;
  }
}

function isAtPace(samples: readonly Sample[]): boolean {
  const last = samples.at(-1);
  const first = samples.findLast(({ arrivedMicros }) => last!.arrivedMicros - arrivedMicros >= PACE_MICROS);
  if (last === undefined || first === undefined) return false;
  const rate = rateOf([first, last])!;
  return rate > AT_PACE.slowest && rate < AT_PACE.fastest;
}

/** The newest windows of some length each, oldest first. */
function cut(samples: readonly Sample[], nowMicros: number, { micros, count }: { micros: number; count: number }): Sample[][] {
  return Array.from({ length: count }, (_, index) => {
    const from = nowMicros - (count - index) * micros;
    return samples.filter(({ arrivedMicros }) => arrivedMicros >= from && arrivedMicros <= from + micros);
  });
}

/** When it is wrong in each window, in the same direction. */
function wrongRateOf(windows: readonly (readonly Sample[])[], { slowest, fastest }: Rates): number | undefined {
  if (windows.some((window) => window.length < WINDOWS.leastPictures)) return undefined;
  const rates = windows.map((window) => rateOf(window) ?? 1);
  const isWrong = rates.every((rate) => rate < slowest) || rates.every((rate) => rate > fastest);
  return isWrong ? rates.at(-1) : undefined;
}

function rateOf(samples: readonly Sample[]): number | undefined {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const passed = last.arrivedMicros - first.arrivedMicros;
  return passed > 0 ? (last.cameraMicros - first.cameraMicros) / passed : undefined;
}

/** Whether a picture's time to arrive follows its size: the square of the correlation of the two (Pearson). */
function isLimitedByNetwork(samples: readonly Sample[]): boolean {
  const pairs = samples.slice(1).map(({ bytes, arrivedMicros }, index) => [bytes, arrivedMicros - samples[index]!.arrivedMicros] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanBytes, meanMicros] = [mean(pairs.map(([bytes]) => bytes)), mean(pairs.map(([, micros]) => micros))];
  const product = (a: 0 | 1, b: 0 | 1) =>
    mean(pairs.map((pair) => (pair[a] - [meanBytes, meanMicros][a]!) * (pair[b] - [meanBytes, meanMicros][b]!)));
  return product(0, 1) > 0 && product(0, 1) ** 2 > EXPLAINED_BY_SIZE * product(0, 0) * product(1, 1);
}

function clamp(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}
