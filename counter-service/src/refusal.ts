/** The errors that end a call, and the refusal that an agent receives for them. */
import { Malformed } from '#proto/wire/messages.ts';
import type { RefusalReason } from '#proto/wire/protocol.ts';
import { Fenced } from './ledger/ledger.ts';

/** Ends a call with a reason and one sentence for the agent, and affects no other call. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: keyof typeof RefusalReason;

  constructor(reason: keyof typeof RefusalReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}

/** The agent ended or lost its call: no fault of the stream, and no agent to send a refusal to. */
export class AgentGone extends Error {
  override readonly name = 'AgentGone';
}

export function refusalOf(error: unknown): { reason: Refused['reason']; sentence: string } {
  if (error instanceof Refused) return { reason: error.reason, sentence: error.message };
  if (error instanceof Malformed) return { reason: 'INVALID', sentence: error.message };
  if (error instanceof Fenced) return { reason: 'FENCED', sentence: error.message };
  return { reason: 'REFUSAL_REASON_UNSPECIFIED', sentence: messageOf(error) };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
