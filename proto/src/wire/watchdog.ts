/** Notices silence: calls `onSilence` once when it was not reset for some seconds. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  readonly #checking: NodeJS.Timeout | undefined;

  /** @param bytesReceived so far: more of them are no silence either, while one message takes longer than that to come whole. */
  constructor(seconds: number, onSilence: () => void, bytesReceived?: () => number) {
    this.#timer = setTimeout(onSilence, seconds * 1000);
    if (bytesReceived === undefined) return;
    let before = bytesReceived();
    this.#checking = setInterval(() => {
      const now = bytesReceived();
      if (now !== before) this.reset();
      before = now;
    }, seconds * 100);
  }

  reset(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#checking);
  }
}
