/**
 * The receiver of events, and the outbox from which a counter delivers them.
 *
 * Events are numbered 1, 2, ... in the order in which they were counted. In an account,
 *
 *   1 ... delivered   the receiver took them, or their loss
 *     ... kept        are lost, which is still to be declared
 *     ... total       wait
 *
 * An event is sent by itself, a loss may be of several; one delivery at a time. The receiver takes it, and then the
 * counter hears so and moves the cursor. When it does not hear so, it sends the same again, or what is lost by then.
 */
import {
  type Account,
  accountOf,
  after,
  counterName,
  type Delivery,
  type Entry,
  membersOf,
  type Receiver,
  type Run,
  type State,
  type Step,
  type World,
} from './state.ts';

export function deliverySteps(state: State, world: World): Step[] {
  return state.runs.flatMap(({ sent }, counter) => (sent === undefined ? sends(state, world, counter) : answers(state, world, counter)));
}

/** A receiver that is away takes nothing for any time: the step is not taken yet. */
function sends(state: State, world: World, counter: number): Step[] {
  const delivery = nextDelivery(state.runs[counter]!, world);
  if (delivery === undefined) return [];
  const who = counterName(counter);
  const { cursorAfterReceipt } = world.rules;
  return [
    after(state, cursorAfterReceipt ? `the receiver takes ${nameOf(delivery)} from ${who}` : `${who} sends ${nameOf(delivery)}`, (next) => {
      next.runs[counter]!.sent = delivery;
      if (cursorAfterReceipt) receive(next, counter, delivery, world);
      else moveCursor(next, counter, delivery);
    }),
  ];
}

function answers(state: State, world: World, counter: number): Step[] {
  const delivery = state.runs[counter]!.sent!;
  const name = nameOf(delivery);
  const who = counterName(counter);
  const { cursorAfterReceipt } = world.rules;
  return [
    after(state, cursorAfterReceipt ? `${who} hears that the receiver took ${name}` : `the receiver takes ${name} from ${who}`, (next) => {
      next.runs[counter]!.sent = undefined;
      if (cursorAfterReceipt) moveCursor(next, counter, delivery);
      else receive(next, counter, delivery, world);
    }),
    after(state, `${who} hears nothing from the receiver about ${name}`, (next) => (next.runs[counter]!.sent = undefined)),
  ];
}

/** A loss comes before the events that follow it. What may not be committed is not delivered, and not declared lost. */
function nextDelivery({ account, known }: Run, world: World): Delivery | undefined {
  if (world.scope.receiver === undefined || account === undefined) return undefined;
  const { rules } = world;
  const { delivered, kept } = account;
  const lost = delivered < kept && rules.lossDeclared;
  const first = (lost ? delivered : kept) + 1;
  const committed = (lost ? rules.lossAfterCommit : rules.deliverAfterCommit) ? known.total : totalOf(account, world);
  if (first > committed) return undefined;
  return { first, last: lost ? Math.min(kept, committed) : first, lost };
}

/** Whether a counter may send something that it has not sent yet, though it learns of no further commit. */
export function hasMoreToDeliver(run: Run, world: World): boolean {
  const { account, sent, up } = run;
  if (account === undefined) return world.scope.receiver !== undefined && up.length > 0;
  return nextDelivery(sent === undefined ? run : { ...run, account: withCursor(account, sent.last) }, world) !== undefined;
}

function receive(next: State, counter: number, { first, last, lost }: Delivery, world: World): void {
  const { receiver } = next;
  if (lost) {
    next.receiver = { ...receiver, lost: receiver.lost | (numbersUpTo(last) & ~numbersUpTo(first - 1)) };
    return;
  }
  const events = Array.from({ length: Math.max(receiver.events.length, last) }, (_, index) => receiver.events[index] ?? 0);
  events[last - 1] = momentOf(next.runs[counter]!.account!, last, world);
  next.receiver = { ...receiver, events };
}

function moveCursor(next: State, counter: number, { last }: Delivery): void {
  const run = next.runs[counter]!;
  run.account = withCursor(run.account!, last);
}

/** Events may have been dropped from the outbox while they were on their way to the receiver. */
function withCursor(account: Account, delivered: number): Account {
  return accountOf({ ...account, delivered, kept: Math.max(account.kept, delivered) });
}

/** When more events wait than the outbox may hold, the oldest go. */
export function boundOutbox(next: State, account: Account, world: World): Account {
  const { receiver } = world.scope;
  if (receiver === undefined || !world.rules.outboxBounded) return account;
  const kept = Math.max(account.kept, totalOf(account, world) - receiver.limit);
  let { excused } = next.receiver;
  for (let number = account.kept + 1; number <= kept; number += 1) excused |= 1 << momentOf(account, number, world);
  next.receiver = { ...next.receiver, excused };
  return accountOf({ ...account, kept });
}

/** What waited when the checkpoint was made, from its cursor on or from the ledger's, whichever is ahead. */
export function resumeOutbox(checkpoint: Account, { known }: Run, world: World): Account {
  const { outboxInCheckpoint, cursorResumed } = world.rules;
  if (world.scope.receiver === undefined) return checkpoint;
  const account = outboxInCheckpoint ? checkpoint : accountOf({ ...checkpoint, kept: totalOf(checkpoint, world) });
  return cursorResumed ? withCursor(account, Math.max(account.delivered, known.delivered)) : account;
}

/** A counter without a checkpoint has none of the events that were committed: what is not known to be delivered is lost. */
export function emptyOutbox(before: Entry, world: World): Pick<Account, 'delivered' | 'kept'> {
  return { delivered: before.delivered, kept: world.scope.receiver === undefined ? 0 : totalOf(before, world) };
}

/** How many events lie in an account or an entry: the number of the newest one. */
export function totalOf({ seen }: { readonly seen: number }, { events }: World): number {
  return membersOf(seen & events).length;
}

/** The moment of the event with a number; 0 when there is none. */
export function momentOf({ seen }: { readonly seen: number }, number: number, { events }: World): number {
  return membersOf(seen & events)[number - 1] ?? 0;
}

/** The numbers of which the receiver has the event, or the loss. */
export function numbersAt({ events, lost }: Receiver): number {
  return events.reduce((mask, moment, index) => (moment === 0 ? mask : mask | (1 << (index + 1))), lost);
}

/** As a mask, in which the numbers begin at 1. */
export function numbersUpTo(last: number): number {
  return (1 << (last + 1)) - 2;
}

function nameOf({ first, last, lost }: Delivery): string {
  if (!lost) return `event ${last}`;
  return first === last ? `the loss of event ${last}` : `the loss of events ${first} to ${last}`;
}
