/** What the counter's credit still allows to be sent: totals of one call, in access units and bytes. */
import { ConditionVariable } from '#proto/process/condition-variable.ts';

export class Allowance {
  readonly #changed = new ConditionVariable();
  #granted = { accessUnits: 0, bytes: 0 };
  #sent = { accessUnits: 0, bytes: 0 };

  grant(totals: { readonly accessUnits: number; readonly bytes: number }): void {
    this.#granted = totals;
    this.#changed.notify();
  }

  /** Waits until an access unit may be sent; one larger than what is left of the bytes may still go. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.#sent.accessUnits >= this.#granted.accessUnits || this.#sent.bytes >= this.#granted.bytes) {
      await this.#changed.wait(signal);
    }
    this.#sent.accessUnits += 1;
    this.#sent.bytes += bytes;
  }
}
