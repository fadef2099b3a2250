/** The protocol between agent, counters and ledger as states and steps; see the README beside this file. */
import { agentSteps } from './agent.ts';
import { counterSteps } from './counter.ts';
import { ledgerSteps } from './ledger.ts';
import { deliverySteps, hasMoreToDeliver, momentOf, numbersAt, numbersUpTo, totalOf } from './receiver.ts';
import { type Account, type Entry, freeRun, maskOf, membersOf, type Run, type State, type Step, type World } from './state.ts';
import { worldSteps } from './world.ts';

export function steps(state: State, world: World): Step[] {
  const all = [
    ...worldSteps(state, world),
    ...agentSteps(state, world),
    ...counterSteps(state, world),
    ...ledgerSteps(state, world),
    ...deliverySteps(state, world),
  ];
  for (const { to } of all) to.runs = to.runs.map((run) => (isIdle(run, world) ? freeRun : run));
  return all;
}

/** A counter whose agent is gone, and that has nothing left to commit or to deliver, changes nothing any more. */
function isIdle(run: Run, world: World): boolean {
  const { open, called, phase, settling, up } = run;
  if (!open || called || !world.rules.storeBeforeCommit || (phase !== 'welcomed' && phase !== 'counting')) return false;
  if (hasMoreToDeliver(run, world)) return false;
  return (settling === undefined || settling.stage === 'storing') && !up.some(({ kind }) => kind === 'stored');
}

type Invariant = (state: State, world: World) => boolean;

/** What holds in every state. */
export const invariants = {
  /** No moment is in the committed counts twice, nor in two gaps, whichever sessions saw it. */
  NothingTwice: ({ ledger }) => !ledger.twice,
  /** From the first moment of the account to the newest, each is committed as seen or as a gap. */
  NothingLost: ({ ledger }) => isUnbroken(ledger.seen | ledger.gaps),
  /** None is both. */
  SeenOrGap: ({ ledger }) => (ledger.seen & ledger.gaps) === 0,
  /** A gap is declared only where the ring overflowed, the camera was away, or a session died or was taken over. */
  GapsAreTrue: ({ ledger, excused }) => (ledger.gaps & ~excused) === 0,
  TotalsNeverFall: ({ ledger }) => (ledger.ever & ~ledger.seen) === 0,
  /** At most one term can commit. */
  OneTermCommits: ({ ledger: { writer, term, newest } }) => writer === newest && term === newest,
  /** The next counter finds the checkpoint of what is committed, or a newer one. */
  CommittedIsStored: ({ pods, ledger }) =>
    holdersOf(pods, ledger).every(({ kept }) => ledger.position === 0 || kept.some(({ account }) => account.position >= ledger.position)),
  /** What the agent was told it may forget holds nothing that the ledger does not have. */
  ReleasedIsCommitted: ({ pods, ledger }, { events }) =>
    holdersOf(pods, ledger).every(({ log, first, released }) => {
      return (maskOf(log.slice(first - 1, released)) & events & ~accounted(ledger)) === 0;
    }),
  /** The counter never finds the agent's numbers out of order. */
  NumbersInOrder: ({ runs }) => runs.every(({ invalid }) => !invalid),
  /** What is at the receiver, or declared lost to it, is committed, with the same number and content. */
  DeliveredIsCommitted: ({ receiver, ledger }, world) =>
    receiver.events.every((moment, index) => moment === 0 || moment === momentOf(ledger, index + 1, world)) &&
    (receiver.lost & ~numbersUpTo(totalOf(ledger, world))) === 0,
  /** Each event up to the ledger's cursor, and each before one that is at the receiver, is there or was declared lost to it. */
  DeliveredOrDeclared: ({ receiver, ledger }) => {
    const there = numbersAt(receiver);
    return isUnbroken(there | 1) && (numbersUpTo(ledger.delivered) & ~there) === 0;
  },
  /** An event is declared lost only where an outbox overflowed, or its session has ended. */
  LossesAreTrue: ({ receiver, ledger }, world) =>
    membersOf(receiver.lost).every((number) => (receiver.excused & (1 << momentOf(ledger, number, world))) !== 0),
  /** Neither in the ledger nor from the ledger to the counter that goes on. */
  CursorNeverFalls: ({ ledger, runs }) =>
    ledger.delivered === ledger.furthest && runs.every(({ account, known }) => (account?.delivered ?? Infinity) >= known.delivered),
  CursorWithinTotals: ({ ledger }, world) => ledger.delivered <= totalOf(ledger, world),
  /** Memory stays bounded, in counters and in checkpoints. */
  OutboxBounded: (state, world) => {
    const { receiver } = world.scope;
    return receiver === undefined || accountsOf(state).every((account) => totalOf(account, world) - account.kept <= receiver.limit);
  },
} satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;

/** The first invariant that does not hold. */
export function broken(state: State, world: World): InvariantName | undefined {
  return (Object.keys(invariants) as InvariantName[]).find((name) => !invariants[name](state, world));
}

/**
 * The log has ended, an agent was told so, and all its moments are committed. Empty floors need no write. All its events
 * are delivered or declared lost, and the ledger says so, unless the receiver was away for too long.
 */
export function isSettled(state: State, world: World): boolean {
  const { clock, pods, ledger } = state;
  const { scope, events } = world;
  if (clock < scope.moments || !pods.some(({ phase }) => phase === 'done') || (events & ~accounted(ledger)) !== 0) return false;
  return scope.receiver === undefined || wasAway(state, world) || ledger.delivered === totalOf(ledger, world);
}

function wasAway({ faults }: State, { scope }: World): boolean {
  return faults.receiverAway < (scope.faults.receiverAway ?? 0);
}

/** Seen, declared, or before the first moment of the account. */
function accounted({ seen, gaps }: Entry): number {
  const all = seen | gaps;
  return all | ((all & -all) - 1);
}

function holdersOf(pods: State['pods'], { session }: { readonly session: number }) {
  return pods.filter((pod) => (pod.life === 'up' || pod.life === 'down') && pod.phase !== 'done' && pod.session === session);
}

function accountsOf({ runs, pods }: State): Account[] {
  const settling = runs.flatMap((run) => run.settling?.checkpoint.account ?? []);
  return [...runs.flatMap(({ account }) => account ?? []), ...settling, ...pods.flatMap(({ kept }) => kept.map(({ account }) => account))];
}

function isUnbroken(mask: number): boolean {
  const lowest = mask & -mask;
  return (mask & (mask + lowest)) === 0;
}
