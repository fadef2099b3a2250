/**
 * The counter's side of a call: `stream.ts`, `call/admission.ts`, `analysis/` and `settlement/` of the counter service.
 *
 *   admitting ──reads, claims──▶ claiming ──taken──▶ welcomed ──Resume──▶ counting ──the end, or leaving: settled──▶ over
 *     └── superseded              └── fenced                                └── fenced
 *
 * A settlement, one at a time: storing ──CheckpointStored──▶ committing ──answer──▶ released.
 * The last one of a log that has ended goes on: delivering ──nothing waits──▶ closing ──answer──▶ over.
 */
import { orphanWritesOf } from './agent.ts';
import { claim, commit, end, finish, hangUp, say, settled, substance } from './ledger.ts';
import { boundOutbox, emptyOutbox, resumeOutbox } from './receiver.ts';
import {
  type Account,
  accountOf,
  after,
  between,
  counterName,
  type Entry,
  nothingCounted,
  type Run,
  type State,
  type Step,
  type UpMessage,
  type World,
} from './state.ts';

export function counterSteps(state: State, world: World): Step[] {
  return state.runs.flatMap((run, counter) => {
    if (!run.open) return [];
    return [
      ...admits(state, world, counter),
      ...hears(state, world, counter),
      ...settles(state, world, counter),
      ...ends(state, world, counter),
      ...loses(state, counter),
      ...drains(state, counter),
    ];
  });
}

function admits(state: State, { rules }: World, counter: number): Step[] {
  const { phase, session, lastTerm } = state.runs[counter]!;
  if (phase !== 'admitting') return [];
  const superseded = rules.supersededRefused && state.ledger.term > 0 && state.ledger.session !== session && lastTerm > 0;
  const judgement = superseded ? `refuses session ${session}` : 'claims the next term';
  return [
    after(state, `${counterName(counter)} reads the ledger and ${judgement}`, (next) => {
      if (superseded) end(next.runs[counter]!, 'superseded');
      else claim(next, counter);
    }),
  ];
}

function hears(state: State, world: World, counter: number): Step[] {
  const [message, ...rest] = state.runs[counter]!.up;
  if (message === undefined) return [];
  return [
    after(state, `${counterName(counter)} takes ${spoken(message)}`, (next) => {
      const run = next.runs[counter]!;
      run.up = rest;
      take(next, world, counter, message);
      if (!run.invalid) return;
      orphanWritesOf(next, counter);
      hangUp(run);
      run.invalid = true;
    }),
  ];
}

function take(next: State, world: World, counter: number, message: UpMessage): void {
  const run = next.runs[counter]!;
  switch (message.kind) {
    case 'resume':
      return resume(run, message.account, world);
    case 'stored':
      return stored(next, world, counter, message.serial);
    case 'end':
      run.ended = true;
      return;
    case 'unit':
      if (!follows(run, message.number - 1)) run.invalid = true;
      run.newest = message.number;
      if (!run.leaving) run.account = boundOutbox(next, see(run.account!, message), world);
      return;
    case 'gap':
      if (!follows(run, message.after)) run.invalid = true;
      run.newest = message.next - 1;
      if (!run.leaving) run.account = interrupt(run.account!, message, world);
  }
}

/** What is counted may come again, and a session begins at any number. */
function follows({ newest, account }: Run, before: number): boolean {
  const { position } = account!;
  return newest === undefined ? position === 0 || before <= position : before === newest;
}

function resume(run: Run, checkpoint: Account | undefined, world: World): void {
  run.phase = 'counting';
  run.account = checkpoint === undefined ? startAfresh(run, run.before, world) : resumeOutbox(checkpoint, run, world);
  run.before = undefined;
  run.born = 0;
  if (checkpoint !== undefined) run.settled = checkpoint.position;
}

function startAfresh({ session, born }: Run, before: Entry | undefined, world: World): Account {
  if (before === undefined) return nothingCounted;
  const { rules } = world;
  const { time, seen, gaps, twice } = before;
  const position = before.session === session ? before.position : 0;
  const carried = { position, seen, gaps, twice, time: rules.overlapPassedOver ? time : 0, ...emptyOutbox(before, world) };
  if (!rules.takeoverDeclared) return accountOf({ ...carried, open: -1 });
  if (!rules.declaredToFirstUnit) return accountOf({ ...carried, open: -1, gaps: gaps | between(time, born + 1) });
  return accountOf({ ...carried, open: time });
}

/** A frame is known by its time: what lies before the frontier is decoded, and not counted. */
function see(account: Account, { number, moment }: { readonly number: number; readonly moment: number }): Account {
  const position = Math.max(account.position, number);
  if (moment <= account.time || number <= account.position) return { ...account, position };
  const { seen, gaps, open } = account;
  const gap = open < 0 ? 0 : between(open, moment);
  return accountOf({
    ...account,
    position,
    time: moment,
    seen: seen | (1 << moment),
    gaps: gaps | gap,
    open: -1,
    twice: account.twice || (seen & (1 << moment)) !== 0 || (gaps & gap) !== 0,
  });
}

function interrupt(account: Account, { next, from, to }: Extract<UpMessage, { kind: 'gap' }>, { rules }: World): Account {
  const since = account.open < 0 ? from : account.open;
  const gap = rules.gapsRecorded ? between(since, to) : 0;
  return accountOf({
    ...account,
    position: Math.max(account.position, next - 1),
    time: rules.gapsPassed ? Math.max(account.time, to - 1) : account.time,
    gaps: account.gaps | gap,
    open: -1,
    twice: account.twice || (account.gaps & gap) !== 0,
  });
}

/** Now and then while it counts; once more, and for the last time, when the log has ended or the stream is to leave. */
function settles(state: State, world: World, counter: number): Step[] {
  const run = state.runs[counter]!;
  const { account, settling } = run;
  if (run.phase === 'welcomed' && run.leaving) {
    return [
      after(state, `${counterName(counter)} sends the agent away`, (next) => {
        say(next.runs[counter]!, { kind: 'goAway' });
        hangUp(next.runs[counter]!);
      }),
    ];
  }
  const last = run.ended || run.leaving;
  if (account === undefined || settling !== undefined || (!last && account.position <= run.settled)) return [];
  return [
    after(state, `${counterName(counter)} sends StoreCheckpoint ${run.serial + 1}, of position ${account.position}`, (next) => {
      const settler = next.runs[counter]!;
      settler.serial += 1;
      const checkpoint = { serial: settler.serial, account };
      say(settler, { kind: 'store', checkpoint });
      settler.settled = account.position;
      settler.settling = { stage: 'storing', checkpoint, last };
      if (!world.rules.storeBeforeCommit) afterStore(next, world, counter);
    }),
  ];
}

function stored(next: State, world: World, counter: number, serial: number): void {
  const { settling } = next.runs[counter]!;
  if (settling?.stage === 'storing' && settling.checkpoint.serial === serial) afterStore(next, world, counter);
}

/** What would say nothing new is not written, and final all the same. */
function afterStore(next: State, world: World, counter: number): void {
  const run = next.runs[counter]!;
  const { checkpoint, last } = run.settling!;
  if (!world.rules.commitBeforeRelease) say(run, { kind: 'release', serial: checkpoint.serial });
  if (substance(checkpoint.account, run.session, world) === run.committed) return settled(run, world);
  run.settling = { stage: 'committing', checkpoint, last };
  commit(next, counter, world);
}

/**
 * What is committed is delivered before the call is finished, unless the receiver is away for too long. No later commit
 * would carry the cursor, so it has one of its own. When the stream is to leave, the next counter delivers.
 */
function ends(state: State, world: World, counter: number): Step[] {
  const { settling, account, known, leaving } = state.runs[counter]!;
  if (settling?.stage !== 'delivering') return [];
  const waiting = account!.delivered < known.total;
  if (waiting && !leaving && state.faults.receiverAway === 0) return [];
  const moved = !leaving && account!.delivered > known.delivered;
  const why = waiting ? 'waits no longer for the receiver' : 'has delivered everything';
  return [
    after(state, `${counterName(counter)} ${why} and ${moved ? 'commits the cursor' : 'ends the call'}`, (next) => {
      const run = next.runs[counter]!;
      if (waiting && !leaving) next.faults.receiverAway -= 1;
      if (!moved) return finish(run);
      run.settling = { ...settling, stage: 'closing' };
      commit(next, counter, world);
    }),
  ];
}

function loses(state: State, counter: number): Step[] {
  const { called } = state.runs[counter]!;
  const who = counterName(counter);
  const steps: Step[] = [];
  if (!called || state.faults.cuts > 0) {
    steps.push(
      after(state, `${who} ${called ? 'loses the call' : 'finds the agent gone'}`, (next) => {
        if (called) next.faults.cuts -= 1;
        orphanWritesOf(next, counter);
        hangUp(next.runs[counter]!);
      }),
    );
  }
  if (state.faults.counterCrashes > 0) {
    steps.push(
      after(state, `${who} crashes`, (next) => {
        next.faults.counterCrashes -= 1;
        orphanWritesOf(next, counter);
        hangUp(next.runs[counter]!);
      }),
    );
  }
  return steps;
}

function drains(state: State, counter: number): Step[] {
  const { phase, leaving } = state.runs[counter]!;
  if (state.faults.drains === 0 || leaving || (phase !== 'counting' && phase !== 'welcomed')) return [];
  return [
    after(state, `${counterName(counter)} is to leave`, (next) => {
      next.faults.drains -= 1;
      next.runs[counter]!.leaving = true;
    }),
  ];
}

function spoken(message: UpMessage): string {
  switch (message.kind) {
    case 'resume':
      if (message.account === undefined) return 'Resume without a checkpoint';
      return `Resume with the checkpoint of position ${message.account.position}`;
    case 'unit':
      return `access unit ${message.number}`;
    case 'gap':
      return `Gap after ${message.after}, next ${message.next}`;
    case 'stored':
      return `CheckpointStored ${message.serial}`;
    default:
      return 'EndOfStream';
  }
}
