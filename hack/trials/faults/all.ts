import { connectionFaults } from './connection.ts';
import type { Fault } from './fault.ts';
import { ledgerFaults } from './ledger.ts';
import { processFaults } from './processes.ts';
import { receiverFaults } from './receiver.ts';
import { ringFaults } from './ring.ts';
import { stepFaults } from './steps.ts';

/** The longest first, so that the short ones fill all lanes at the end of a round. */
export const faults: readonly Fault[] = [
  ...stepFaults,
  ...processFaults,
  ...connectionFaults,
  ...ledgerFaults,
  ...ringFaults,
  ...receiverFaults,
];

export function faultNamed(name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (found === undefined) throw new Error(`There is no fault ${name}; there are ${faults.map((fault) => fault.name).join(', ')}.`);
  return found;
}

/** How many trials in a row a fault has, so that their seeds together reach all steps. */
const IN_A_ROW: Readonly<Record<string, number>> = { 'counter-at-step': 3, 'agent-at-step': 2, 'zombie-at-step': 2 };

/** One round: every fault, and every step of the protocol. */
export const ROUND: readonly Fault[] = faults.flatMap((fault) => Array.from({ length: IN_A_ROW[fault.name] ?? 1 }, () => fault));
