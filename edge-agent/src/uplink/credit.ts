/** The counter's credit for one call: totals of access units and bytes that the agent may send. */
import { ConditionVariable } from '#proto/process/condition-variable.ts';

export class Credit {
  readonly #changed = new ConditionVariable();
  #granted = { accessUnits: 0, bytes: 0 };
  #sent = { accessUnits: 0, bytes: 0 };

  grant(totals: { readonly accessUnits: number; readonly bytes: number }): void {
    this.#granted = totals;
    this.#changed.notify();
  }

  /** Waits until an access unit may be sent; it may be larger than the bytes that are left. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.#sent.accessUnits >= this.#granted.accessUnits || this.#sent.bytes >= this.#granted.bytes) {
      await this.#changed.wait(signal);
    }
    this.#sent.accessUnits += 1;
    this.#sent.bytes += bytes;
  }
}
