import type { RefusalReason } from '#proto/wire/protocol.ts';

/** Ends a call with a reason and one sentence for the agent, and does nothing to any other call. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: keyof typeof RefusalReason;

  constructor(reason: keyof typeof RefusalReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}

/** The agent ended the call, or lost it: no fault of the stream, and nobody is left to be told. */
export class Gone extends Error {
  override readonly name = 'Gone';
}
