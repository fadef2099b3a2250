/** What was recorded of one session, as an agent's recording: to be counted once more, by nobody disturbed. */
import type { GapReason } from '#proto/protocol.ts';
import type { Entry, Recording } from '../../edge-agent/src/ring/recording.ts';
import type { GapNote } from './notes.ts';
import type { Taped } from './tape.ts';

export class TapedRecording implements Recording {
  readonly newestNumber: number;
  readonly #taped: Taped;
  readonly #gaps: readonly GapNote[];

  /** @param upTo the last access unit that is counted. */
  constructor(taped: Taped, gaps: readonly GapNote[], upTo: number) {
    this.#taped = taped;
    this.#gaps = gaps;
    this.newestNumber = upTo;
  }

  run(): Promise<void> {
    return Promise.resolve();
  }

  async *read(): AsyncIterable<Entry> {
    const { codec, units } = this.#taped;
    yield { kind: 'start', codec };
    for (const unit of units) {
      if (unit.number > this.newestNumber) break;
      const gap = this.#gaps.find(({ after, next }) => after < unit.number && unit.number <= next);
      if (gap?.next === unit.number) yield { kind: 'gap', gap: { ...gap, reason: gap.reason as keyof typeof GapReason, codec } };
      if (gap === undefined || gap.next === unit.number) yield { kind: 'unit', unit };
    }
    yield { kind: 'end', lastNumber: this.newestNumber, paused: true };
  }

  /** An undisturbed run begins at the front. */
  keyframeFor(): undefined {
    return undefined;
  }

  release(): void {}
}

