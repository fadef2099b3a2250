/** Which session the agent is in, and what a counter must know of it before anything else. */

export interface SessionFacts {
  readonly id: string;
  /** The newest term that a counter welcomed it with; 0 before the first. */
  readonly lastTerm: number;
  /** Where its log begins: earlier numbers belong to another session. */
  readonly firstNumber: number;
}

export interface SessionStateOptions {
  readonly facts: SessionFacts;
  /** Unix time at presentation time 0. */
  readonly startMicros: number;
  readonly newId: () => string;
  /** @throws Error with a sentence when the facts would not outlive the process, but should. */
  readonly save: (facts: SessionFacts) => void;
}

export class SessionState {
  readonly #options: SessionStateOptions;
  #facts: SessionFacts;

  constructor(options: SessionStateOptions) {
    this.#options = options;
    this.#facts = options.facts;
  }

  get facts(): SessionFacts {
    return this.#facts;
  }

  get startMicros(): number {
    return this.#options.startMicros;
  }

  /** @throws Error with a sentence: a session that forgot its term could take the stream over from a later one. */
  setTerm(term: number): void {
    this.#write({ ...this.#facts, lastTerm: term });
  }

  /** Begins another session after this number, which no counter has welcomed. @throws Error with a sentence. */
  renew(newestNumber: number): void {
    this.#write({ id: this.#options.newId(), lastTerm: 0, firstNumber: newestNumber + 1 });
  }

  #write(facts: SessionFacts): void {
    this.#options.save(facts);
    this.#facts = facts;
  }
}
