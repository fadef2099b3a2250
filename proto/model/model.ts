/** The protocol between agent, counters and ledger as states and steps; see the README beside this file. */
import { agentSteps } from './agent.ts';
import { counterSteps } from './counter.ts';
import { ledgerSteps } from './ledger.ts';
import { type Entry, freeRun, maskOf, type Run, type State, type Step, type World } from './state.ts';
import { worldSteps } from './world.ts';

export function steps(state: State, world: World): Step[] {
  const all = [...worldSteps(state, world), ...agentSteps(state, world), ...counterSteps(state, world), ...ledgerSteps(state, world)];
  for (const { to } of all) to.runs = to.runs.map((run) => (isIdle(run, world) ? freeRun : run));
  return all;
}

/** A counter whose agent is gone, and that has nothing left to commit, changes nothing any more. */
function isIdle({ open, called, phase, settling, up }: Run, { rules }: World): boolean {
  if (!open || called || !rules.storeBeforeCommit || (phase !== 'welcomed' && phase !== 'counting')) return false;
  return settling?.stage !== 'committing' && !up.some(({ kind }) => kind === 'stored');
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
    holdersOf(pods, ledger).every(({ log, first, released }) => (maskOf(log.slice(first - 1, released)) & events & ~accounted(ledger)) === 0),
  /** The counter never finds the agent's numbers out of order. */
  NumbersInOrder: ({ runs }) => runs.every(({ invalid }) => !invalid),
} satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;

/** The first invariant that does not hold. */
export function broken(state: State, world: World): InvariantName | undefined {
  return (Object.keys(invariants) as InvariantName[]).find((name) => !invariants[name](state, world));
}

/** The log has ended, an agent was told so, and all its moments are committed. Empty floors need no write. */
export function isSettled({ clock, pods, ledger }: State, { scope, events }: World): boolean {
  return clock >= scope.moments && pods.some(({ phase }) => phase === 'done') && (events & ~accounted(ledger)) === 0;
}

/** Seen, declared, or before the first moment of the account. */
function accounted({ seen, gaps }: Entry): number {
  const all = seen | gaps;
  return all | ((all & -all) - 1);
}

function holdersOf(pods: State['pods'], { session }: { readonly session: number }) {
  return pods.filter((pod) => (pod.life === 'up' || pod.life === 'down') && pod.phase !== 'done' && pod.session === session);
}

function isUnbroken(mask: number): boolean {
  const lowest = mask & -mask;
  return (mask & (mask + lowest)) === 0;
}
