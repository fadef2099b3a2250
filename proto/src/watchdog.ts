/** Notices silence: calls `bark` once when nothing was heard for some seconds. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;

  constructor(seconds: number, bark: () => void) {
    this.#timer = setTimeout(bark, seconds * 1000);
  }

  heard(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
