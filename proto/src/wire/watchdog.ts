/** Notices silence: calls `bark` once when nothing was heard for some seconds. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  readonly #looking: NodeJS.Timeout | undefined;

  /** @param arrived what has come so far, of something that takes longer than that to come whole: more of it is heard, too. */
  constructor(seconds: number, bark: () => void, arrived?: () => number) {
    this.#timer = setTimeout(bark, seconds * 1000);
    if (arrived === undefined) return;
    let before = arrived();
    this.#looking = setInterval(() => {
      const now = arrived();
      if (now !== before) this.heard();
      before = now;
    }, seconds * 100);
  }

  heard(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
  }
}
