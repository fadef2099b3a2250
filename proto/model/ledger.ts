/**
 * The ledger: one entry, changed by compare-and-swap, behind the fence of the CRD. A request may be applied at any time
 * after it was sent, also when its sender is dead, has given up waiting, or has sent it again.
 */
import { totalOf } from './receiver.ts';
import {
  after,
  type Account,
  counterName,
  type DownMessage,
  type Entry,
  entryOf,
  freeRun,
  momentsOf,
  type Run,
  type State,
  type Step,
  type World,
  type Write,
} from './state.ts';

/** Entries only ever grow, so what they say can stand for the resource's version. */
export function versionOf({ term, session, position, seen, gaps, delivered }: Entry): string {
  return `${term}.${session}.${position}.${seen}.${gaps}.${delivered}`;
}

/** What is worth a write: a position that moved over an empty floor is not, nor is the cursor, which rides along. */
export function substance({ seen, gaps }: Account | Entry, session: number, { events }: World): string {
  return `${session}.${seen & events}.${gaps}`;
}

export function isBlank({ position, seen, gaps }: Entry): boolean {
  return position === 0 && seen === 0 && gaps === 0;
}

export function claimOf(run: Run, { ledger }: State): Entry {
  const term = ledger.term + 1;
  return { ...ledger, term, writer: term, session: run.session, position: ledger.session === run.session ? ledger.position : 0 };
}

function commitOf(run: Run, account: Account, { ledger }: State, { rules }: World): Entry {
  const { position, time, seen, gaps, twice } = account;
  const { term, session } = rules.fencedStops ? run : ledger;
  const { newest, ever, furthest } = ledger;
  // The cursor may have moved on since the checkpoint was made.
  const { delivered } = run.account ?? account;
  return entryOf({ term, session, position, time, seen, gaps, twice, delivered, writer: run.term, newest, ever, furthest });
}

export function ledgerSteps(state: State, world: World): Step[] {
  return state.writes.flatMap((write, index) => {
    const rest = state.writes.filter((_, other) => other !== index);
    return write.by < 0 ? late(state, world, write, rest) : awaited(state, world, write, rest);
  });
}

/** No counter waits for the answer. */
function late(state: State, world: World, write: Write, rest: readonly Write[]): Step[] {
  const never = after(state, `a late ${nameOf(write)} never arrives`, (next) => (next.writes = rest));
  if (!accepted(write, state.ledger, world)) return [never];
  const applied = after(state, `a late ${nameOf(write)} arrives and is taken`, (next) => {
    next.writes = rest;
    apply(next, write, world);
  });
  return [never, applied];
}

function awaited(state: State, world: World, write: Write, rest: readonly Write[]): Step[] {
  const taken = accepted(write, state.ledger, world);
  const who = counterName(write.by);
  const steps = [
    after(state, `the ledger ${taken ? 'takes' : 'refuses'} the ${nameOf(write)} of ${who}`, (next) => {
      next.writes = rest;
      if (taken) apply(next, write, world);
      if (taken) succeed(next, write, world);
      else fail(next, write, world);
    }),
  ];
  if (state.faults.lostAnswers === 0) return steps;
  const lose = (next: State, left: readonly Write[]) => {
    next.faults.lostAnswers -= 1;
    next.writes = left;
    if (write.kind === 'claim') end(next.runs[write.by]!, 'unavailable');
    else next.writes = [...next.writes, write];
  };
  // The counter tries again with the same request, or gives the claim up, while the first one is still on its way.
  steps.push(after(state, `${who} waits too long for its ${nameOf(write)}`, (next) => lose(next, [...rest, { ...write, by: -1 }])));
  if (taken) {
    steps.push(
      after(state, `the ledger takes the ${nameOf(write)} of ${who}, and the answer is lost`, (next) => {
        apply(next, write, world);
        lose(next, rest);
      }),
    );
  }
  return steps;
}

function accepted({ kind, version, entry }: Write, ledger: Entry, { rules }: World): boolean {
  // The term is taken by compare-and-swap in any case.
  if ((rules.versionChecked || kind === 'claim') && version !== versionOf(ledger)) return false;
  if (rules.termFence && entry.term < ledger.term) return false;
  if (rules.positionFence && entry.term <= ledger.term && entry.position < ledger.position) return false;
  if (rules.cursorFence && entry.delivered < ledger.delivered) return false;
  return !rules.totalsFence || (ledger.seen & ~entry.seen) === 0;
}

function apply(next: State, { kind, entry }: Write, { scope, events }: World): void {
  const { newest, ever, furthest, session: before } = next.ledger;
  const ghosts = { newest: Math.max(newest, entry.term), ever: ever | entry.seen, furthest: Math.max(furthest, entry.delivered) };
  next.ledger = { ...entry, ...ghosts };
  if (kind === 'commit') return;
  // The outbox of the session before is gone.
  if (scope.receiver !== undefined && before !== entry.session) {
    next.receiver = { ...next.receiver, excused: next.receiver.excused | (entry.seen & events) };
  }
  // What the new session has not seen, no later session can be expected to have counted.
  const pod = next.pods.find(({ session }) => session === entry.session);
  const has = (moment: number) => pod !== undefined && pod.log.indexOf(moment) >= pod.first - 1;
  for (let moment = 1; moment <= next.clock; moment += 1) if (!has(moment)) next.excused |= 1 << moment;
}

function succeed(next: State, write: Write, world: World): void {
  const run = next.runs[write.by]!;
  run.version = versionOf(write.entry);
  if (write.kind === 'commit' || world.rules.earlierTermsDelivered) run.known = knownOf(write.entry, world);
  if (write.kind === 'commit') {
    run.committed = substance(write.entry, run.session, world);
    return run.settling!.stage === 'closing' ? finish(run) : settled(run, world);
  }
  run.phase = 'welcomed';
  run.term = write.entry.term;
  run.committed = run.before === undefined ? '' : substance(run.before, run.before.session, world);
  run.lastTerm = 0;
  say(run, { kind: 'welcome', term: run.term, position: run.before?.session === run.session ? run.before.position : 0 });
}

function knownOf(entry: Entry, world: World): Run['known'] {
  return world.scope.receiver === undefined ? freeRun.known : { total: totalOf(entry, world), delivered: entry.delivered };
}

/** A conflict: whose term it is by now decides. */
function fail(next: State, write: Write, world: World): void {
  const run = next.runs[write.by]!;
  const { ledger } = next;
  if (write.kind === 'claim') {
    const [term, session] = write.version.split('.');
    if (String(ledger.term) !== term || String(ledger.session) !== session) return end(run, 'fenced');
    return claim(next, write.by);
  }
  if (world.rules.fencedStops && (ledger.term !== run.term || ledger.session !== run.session)) return end(run, 'fenced');
  run.version = versionOf(ledger);
  commit(next, write.by, world);
}

/** Reads, and asks for the next term. */
export function claim(next: State, by: number): void {
  const run = next.runs[by]!;
  run.phase = 'claiming';
  run.before = isBlank(next.ledger) ? undefined : next.ledger;
  next.writes = [...next.writes, { kind: 'claim', by, version: versionOf(next.ledger), entry: claimOf(run, next) }];
}

/** What the settlement says, and the cursor as it is by now. */
export function commit(next: State, by: number, world: World): void {
  const run = next.runs[by]!;
  const entry = commitOf(run, run.settling!.checkpoint.account, next, world);
  next.writes = [...next.writes, { kind: 'commit', by, version: run.version, entry }];
}

/** The settlement's checkpoint is final. */
export function settled(run: Run, { rules, scope }: World): void {
  const { checkpoint, last } = run.settling!;
  run.settling = undefined;
  if (rules.commitBeforeRelease) say(run, { kind: 'release', serial: checkpoint.serial });
  if (!last) return;
  if (scope.receiver === undefined || run.leaving || !rules.endDelivers) finish(run);
  else run.settling = { stage: 'delivering', checkpoint, last };
}

export function finish(run: Run): void {
  say(run, { kind: run.leaving ? 'goAway' : 'finished' });
  hangUp(run);
}

export function end(run: Run, reason: 'superseded' | 'fenced' | 'unavailable'): void {
  say(run, { kind: 'refusal', reason });
  hangUp(run);
}

/** What is said into a call that the agent has left is not heard. */
export function say(run: Run, message: DownMessage): void {
  if (run.called) run.down = [...run.down, message];
}

/** The counter's side of the call is over; what it sent may still arrive. */
export function hangUp(run: Run): void {
  Object.assign(run, { ...freeRun, called: run.called, pod: run.pod, down: run.called ? run.down : [] });
}

function nameOf({ kind, entry }: Write): string {
  if (kind === 'claim') return `claim of term ${entry.term} for session ${entry.session}`;
  const cursor = entry.delivered === 0 ? '' : `cursor ${entry.delivered}, `;
  return `commit of seen ${momentsOf(entry.seen)}, gaps ${momentsOf(entry.gaps)}, ${cursor}in term ${entry.term}`;
}
