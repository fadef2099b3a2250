/** Who the agent says it is: its session, and what a counter must know of it before anything else. */

export interface SessionFacts {
  readonly id: string;
  /** The newest term that a counter welcomed it with; 0 before the first. */
  readonly lastTerm: number;
  /** Where its log begins: what lies before belongs to another session. */
  readonly firstNumber: number;
}

export class SessionBook {
  readonly startMicros: number;
  readonly #save: (facts: SessionFacts) => void;
  readonly #newId: () => string;
  #facts: SessionFacts;

  /**
   * @param startMicros Unix time at presentation time 0.
   * @param save throws an Error with a sentence when what it is given would not outlive the process, but should.
   */
  constructor({
    facts,
    startMicros,
    newId,
    save,
  }: {
    facts: SessionFacts;
    startMicros: number;
    newId: () => string;
    save: (facts: SessionFacts) => void;
  }) {
    this.startMicros = startMicros;
    this.#facts = facts;
    this.#newId = newId;
    this.#save = save;
  }

  get facts(): SessionFacts {
    return this.#facts;
  }

  /** @throws Error with a sentence: a session that forgot its term could take the stream over from a later one. */
  welcomed(term: number): void {
    this.#write({ ...this.#facts, lastTerm: term });
  }

  /** Another session that begins after this number, as if it had never been welcomed. @throws Error with a sentence. */
  renew(newestNumber: number): void {
    this.#write({ id: this.#newId(), lastTerm: 0, firstNumber: newestNumber + 1 });
  }

  #write(facts: SessionFacts): void {
    this.#save(facts);
    this.#facts = facts;
  }
}
