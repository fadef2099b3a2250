/**
 * What the modelled world consists of, as plain data, and the scope within which it is explored.
 *
 * Time is a row of moments 1, 2, ...; at each the camera has one picture, which each pod that sees it appends to its
 * log as its next access unit. So a moment that is counted twice or not at all is seen, whichever session it came
 * from. Sets of moments are bit masks. Fields marked `ghost` are known to no process: only the invariants read them.
 */
import type { Rules } from './rules.ts';

/** What a counter carries from access unit to access unit, and a checkpoint holds. */
export interface Account {
  /** Highest access unit of the session that is counted or declared. */
  readonly position: number;
  /** The frontier: no moment up to here is counted any more. */
  readonly time: number;
  readonly seen: number;
  readonly gaps: number;
  /** From this moment on to the first access unit, no counter could go on: to be declared. -1 when nothing is. */
  readonly open: number;
  /** Some moment was counted although it was counted before. */
  readonly twice: boolean;
  /** The cursor: the receiver took the events up to this number, or their loss. */
  readonly delivered: number;
  /** Events after this number wait in the outbox; those from the cursor up to it are lost. */
  readonly kept: number;
}

export interface Entry extends Omit<Account, 'open' | 'kept'> {
  readonly term: number;
  readonly session: number;
  /** Ghost: the term that the writer had been given. */
  readonly writer: number;
  /** Ghost: the newest term that was given to any counter. */
  readonly newest: number;
  /** Ghost: all that ever was committed as seen. */
  readonly ever: number;
  /** Ghost: the highest cursor that ever was committed. */
  readonly furthest: number;
}

export interface Checkpoint {
  readonly serial: number;
  readonly account: Account;
}

export type UpMessage =
  | { readonly kind: 'resume'; readonly account: Account | undefined }
  | { readonly kind: 'unit'; readonly number: number; readonly moment: number }
  | { readonly kind: 'gap'; readonly after: number; readonly next: number; readonly from: number; readonly to: number }
  | { readonly kind: 'stored'; readonly serial: number }
  | { readonly kind: 'end' };

export type DownMessage =
  | { readonly kind: 'welcome'; readonly term: number; readonly position: number }
  | { readonly kind: 'store'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'release'; readonly serial: number }
  | { readonly kind: 'refusal'; readonly reason: 'superseded' | 'fenced' | 'unavailable' }
  | { readonly kind: 'goAway' }
  | { readonly kind: 'finished' };

/** An agent's pod. Of these, a container that dies takes the call with it; the rest is memory of the pod. */
export interface Pod {
  /** `down`: its container has died. */
  life: 'none' | 'up' | 'down' | 'dead';
  /** Whether its camera is connected. */
  sees: boolean;
  /** The moment before its first. */
  born: number;
  session: number;
  lastTerm: number;
  /** Number of the session's first access unit. */
  first: number;
  /** The moment of each access unit since the pod was born; the first has number 1. */
  log: readonly number[];
  /** Lowest number that the ring still holds. */
  ring: number;
  kept: readonly Checkpoint[];
  /** Ghost: position of the newest checkpoint that was released. */
  released: number;
  phase: 'idle' | 'greeting' | 'serving' | 'quiet' | 'done';
  /** Of the call: the reading of the log. None before the Welcome, and after the end was sent. */
  reader: Reader | undefined;
}

export interface Reader {
  readonly checkpoint: Account | undefined;
  readonly started: boolean;
  /** Number of the next access unit to be sent, or to be looked for. */
  readonly next: number;
  /** First number of the group of pictures that is being read: it stays at hand even when the ring drops it. */
  readonly group: number;
  /** Counted or sent up to here. */
  readonly position: number;
  readonly time: number;
}

/** A counter and the one call that it may have. */
export interface Run {
  /** Whether the counter's side of the call is open; the agent's side. */
  open: boolean;
  called: boolean;
  pod: number;
  session: number;
  lastTerm: number;
  born: number;
  phase: 'admitting' | 'claiming' | 'welcomed' | 'counting' | 'over';
  term: number;
  /** What the earlier terms committed. */
  before: Entry | undefined;
  /** The ledger's version that this counter knows. */
  version: string;
  /** Substance of what it knows to be committed. */
  committed: string;
  /** Events that it knows to be committed, and the cursor that it knows to be in the ledger. */
  known: { readonly total: number; readonly delivered: number };
  account: Account | undefined;
  /** Number of the newest access unit that came or was declared lost in this call. */
  newest: number | undefined;
  serial: number;
  /** Position of the newest settlement that was begun; -1 before the first. */
  settled: number;
  settling: { readonly stage: Stage; readonly checkpoint: Checkpoint; readonly last: boolean } | undefined;
  /** What was sent to the receiver and is not answered yet. */
  sent: Delivery | undefined;
  leaving: boolean;
  ended: boolean;
  /** The agent broke the order of numbers. */
  invalid: boolean;
  up: readonly UpMessage[];
  down: readonly DownMessage[];
}

/** The last settlement of a log that has ended delivers what is committed, and closes with a commit of the cursor. */
export type Stage = 'storing' | 'committing' | 'delivering' | 'closing';

/** The events of these numbers, or that they are lost. An event is sent by itself. */
export interface Delivery {
  readonly first: number;
  readonly last: number;
  readonly lost: boolean;
}

/** To which events are delivered. All of it is ghost: a counter knows only the answers. */
export interface Receiver {
  /** The moment of each event that it took, by the event's number less one; 0 where it took none. */
  readonly events: readonly number[];
  /** The numbers that were declared lost to it. */
  readonly lost: number;
  /** The moments whose events may rightly be declared lost. */
  readonly excused: number;
}

/** A request on its way to the ledger. */
export interface Write {
  readonly kind: 'claim' | 'commit';
  /** The counter that waits for the answer; -1 for a request that no counter waits for any more, and that may still arrive. */
  readonly by: number;
  readonly version: string;
  readonly entry: Entry;
}

/** How much of what may go wrong is still to come. */
export interface Faults {
  /** A counter dies and is there again, knowing nothing. */
  counterCrashes: number;
  /** One side of a call hangs up for no reason that the other knows. */
  cuts: number;
  drains: number;
  containerCrashes: number;
  podCrashes: number;
  /** A second pod of the same stream comes while the first may be there. */
  secondPods: number;
  /** The ring drops its oldest group of pictures. */
  evictions: number;
  /** An answer of the ledger does not come; the request may have arrived, may never, or later. */
  lostAnswers: number;
  /** A pod is there for a while before its camera is. */
  blindStarts: number;
  /** A superseded agent starts a new session. */
  renewals: number;
  /** The receiver is away for longer than a counter waits for it at the end. */
  receiverAway: number;
}

export interface State {
  clock: number;
  sessions: number;
  pods: Pod[];
  runs: Run[];
  writes: readonly Write[];
  ledger: Entry;
  /** Ghost: moments that may rightly be declared. */
  excused: number;
  receiver: Receiver;
  faults: Faults;
}

export interface Scope {
  readonly moments: number;
  /** Access units of a group of pictures. */
  readonly group: number;
  /** Moments at which a person crosses the line. At the others the floor is empty. */
  readonly events: readonly number[];
  /** Messages of the log that may be on their way. */
  readonly window: number;
  /** How many events may wait for the receiver in an outbox. Absent: there is no receiver, and nothing is delivered. */
  readonly receiver?: { readonly limit: number };
  readonly faults: Partial<Faults>;
}

export interface World {
  readonly scope: Scope;
  readonly rules: Rules;
  readonly events: number;
}

export interface Step {
  /** What happens, as a sentence. */
  readonly does: string;
  readonly to: State;
}

export const noFaults: Faults = {
  counterCrashes: 0,
  cuts: 0,
  drains: 0,
  containerCrashes: 0,
  podCrashes: 0,
  secondPods: 0,
  evictions: 0,
  lostAnswers: 0,
  blindStarts: 0,
  renewals: 0,
  receiverAway: 0,
};

export const absentPod: Pod = {
  life: 'none',
  sees: false,
  born: 0,
  session: 0,
  lastTerm: 0,
  first: 1,
  log: [],
  ring: 1,
  kept: [],
  released: 0,
  phase: 'idle',
  reader: undefined,
};

export const freeRun: Run = {
  open: false,
  called: false,
  pod: -1,
  session: 0,
  lastTerm: 0,
  born: 0,
  phase: 'over',
  term: 0,
  before: undefined,
  version: '',
  committed: '',
  known: { total: 0, delivered: 0 },
  account: undefined,
  newest: undefined,
  serial: 0,
  settled: -1,
  settling: undefined,
  sent: undefined,
  leaving: false,
  ended: false,
  invalid: false,
  up: [],
  down: [],
};

export const nothingCounted: Account = { position: 0, time: 0, seen: 0, gaps: 0, open: -1, twice: false, delivered: 0, kept: 0 };

/** With the fields in one order, by which states are told apart. */
export function accountOf({ position, time, seen, gaps, open, twice, delivered, kept }: Account): Account {
  return { position, time, seen, gaps, open, twice, delivered, kept };
}

export function entryOf({ term, session, position, time, seen, gaps, twice, delivered, writer, newest, ever, furthest }: Entry): Entry {
  return { term, session, position, time, seen, gaps, twice, delivered, writer, newest, ever, furthest };
}

export function worldOf(scope: Scope, rules: Rules): World {
  return { scope, rules, events: maskOf(scope.events) };
}

/** One pod that sees its camera, two counters without a call, and a ledger that was never written. */
export function beginning({ scope }: World): State {
  return {
    clock: 0,
    sessions: 1,
    pods: [{ ...absentPod, life: 'up', sees: true, session: 1 }, absentPod],
    runs: [freeRun, freeRun],
    writes: [],
    ledger: entryOf({ ...nothingCounted, term: 0, session: 0, writer: 0, newest: 0, ever: 0, furthest: 0 }),
    excused: 0,
    receiver: { events: [], lost: 0, excused: 0 },
    faults: { ...noFaults, ...scope.faults },
  };
}

/** The state after a change, which is made to a copy. What lies deeper than a pod's or a run's fields is replaced, never changed. */
export function after(state: State, does: string, change: (next: State) => void): Step {
  const to: State = {
    ...state,
    pods: state.pods.map((pod) => ({ ...pod })),
    runs: state.runs.map((run) => ({ ...run })),
    faults: { ...state.faults },
  };
  change(to);
  to.pods = to.pods.map((pod, index) => (isSame(pod, state.pods[index]!) ? state.pods[index]! : pod));
  to.runs = to.runs.map((run, index) => (isSame(run, state.runs[index]!) ? state.runs[index]! : run));
  if (isSame(to.faults, state.faults)) to.faults = state.faults;
  return { does, to };
}

/** What did not change stays the same object, whose text is known. */
function isSame(one: object, other: object): boolean {
  for (const key in one) if (one[key as never] !== other[key as never]) return false;
  return true;
}

/** The counter that a pod has called; -1 for none. */
export function callOf({ runs }: State, index: number): number {
  return runs.findIndex(({ called, pod }) => called && pod === index);
}

export const podName = (index: number) => `pod ${'AB'[index]}`;
export const counterName = (index: number) => `counter ${index + 1}`;

export function maskOf(moments: readonly number[]): number {
  return moments.reduce((mask, moment) => mask | (1 << moment), 0);
}

/** The moments after one and before another. */
export function between(from: number, to: number): number {
  let mask = 0;
  for (let moment = from + 1; moment < to; moment += 1) mask |= 1 << moment;
  return mask;
}

export function membersOf(mask: number): number[] {
  const members: number[] = [];
  for (let left = mask; left !== 0; left &= left - 1) members.push(31 - Math.clz32(left & -left));
  return members;
}

export function momentsOf(mask: number): string {
  return mask === 0 ? 'nothing' : membersOf(mask).join(' ');
}
