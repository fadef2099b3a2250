/** The errors that end a call. */
import type { RefusalReason } from '#proto/wire/protocol.ts';

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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
