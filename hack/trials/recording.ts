/** The tape of one session as an agent's recording, for a second count without disturbance. */
import type { GapReason } from '#proto/wire/protocol.ts';
import type { LogEntry, Recording } from '../../edge-agent/src/ring/recording.ts';
import type { SessionFilm } from './sessions.ts';

export class TapedRecording implements Recording {
  readonly newestNumber: number;
  readonly #film: SessionFilm;

  constructor(film: SessionFilm) {
    this.#film = film;
    this.newestNumber = film.upTo;
  }

  run(): Promise<void> {
    return Promise.resolve();
  }

  async *read(): AsyncIterable<LogEntry> {
    const { codec, units } = this.#film.taped;
    yield { kind: 'start', codec };
    for (const unit of units) {
      if (unit.number > this.newestNumber) break;
      const gap = this.#film.gaps.find(({ after, next }) => after < unit.number && unit.number <= next);
      if (gap?.next === unit.number) yield { kind: 'gap', gap: { ...gap, reason: gap.reason as keyof typeof GapReason, codec } };
      if (gap === undefined || gap.next === unit.number) yield { kind: 'unit', unit };
    }
    yield { kind: 'end', lastNumber: this.newestNumber, paused: true };
  }

  takenMicros(): number {
    return this.#film.takenMicros;
  }

  /** An undisturbed run starts at the beginning. */
  keyframeFor(): undefined {
    return undefined;
  }

  release(): void {}
}
