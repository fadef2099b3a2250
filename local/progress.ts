/** Progress: on a terminal redrawn in place, elsewhere one line for each stream every few seconds. */
import type { Screen } from './command.ts';
import { progressLine, type StreamReport } from './report.ts';

const REDRAW_SECONDS = 0.2;
const LINE_SECONDS = 5;

export class Progress {
  readonly #out: Screen;
  readonly #quiet: boolean;
  #shownAt = -Infinity;
  #drawn = 0;

  constructor(out: Screen, quiet: boolean) {
    this.#out = out;
    this.#quiet = quiet;
  }

  show(reports: readonly StreamReport[], seconds: number): void {
    const every = this.#out.isTTY === true ? REDRAW_SECONDS : LINE_SECONDS;
    if (this.#quiet || seconds - this.#shownAt < every) return;
    this.#shownAt = seconds;
    this.#draw(reports, seconds);
  }

  /** Even when quiet; the next drawing begins below. */
  say(sentence: string): void {
    this.#out.write(`${sentence}\n`);
    this.#drawn = 0;
  }

  /** Draws the last state, which stays on the screen. */
  end(reports: readonly StreamReport[], seconds: number): void {
    if (!this.#quiet) this.#draw(reports, seconds);
  }

  #draw(reports: readonly StreamReport[], seconds: number): void {
    const lines = reports.map((report) => progressLine(report, seconds));
    if (this.#out.isTTY !== true) {
      this.#out.write(lines.map((line) => `${line}\n`).join(''));
      return;
    }
    const width = this.#out.columns ?? 80;
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#out.write(up + lines.map((line) => `\u001b[2K${line.slice(0, width - 1)}\n`).join(''));
    this.#drawn = lines.length;
  }
}
