/** Watches for a silent counter: after some seconds it is suspect, after more the agent gives it up. */
import { SILENCE_SECONDS, SUSPECT_SECONDS } from '#proto/wire/heartbeat.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';

export interface SilenceOptions {
  readonly suspectSeconds?: number | undefined;
  readonly silenceSeconds?: number | undefined;
  /** Called when it changes. */
  readonly onSuspect: (suspect: boolean) => void;
  readonly onSilence: (seconds: number) => void;
}

export class Silence {
  readonly #onSuspect: (suspect: boolean) => void;
  readonly #suspicion: Watchdog;
  readonly #patience: Watchdog;
  #suspect = false;

  constructor({ suspectSeconds = SUSPECT_SECONDS, silenceSeconds = SILENCE_SECONDS, onSuspect, onSilence }: SilenceOptions) {
    this.#onSuspect = onSuspect;
    this.#suspicion = new Watchdog(suspectSeconds, () => this.#become(true));
    this.#patience = new Watchdog(silenceSeconds, () => onSilence(silenceSeconds));
  }

  reset(): void {
    this.#suspicion.reset();
    this.#patience.reset();
    if (this.#suspect) this.#become(false);
  }

  stop(): void {
    this.#suspicion.stop();
    this.#patience.stop();
  }

  #become(suspect: boolean): void {
    this.#suspect = suspect;
    this.#onSuspect(suspect);
  }
}
