/**
 * A condition variable: tasks wait for some state to change and look again (level, not edge).
 * Waiting rejects with the signal's reason when it aborts.
 */
export class ConditionVariable {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const wake of this.#waiting) wake();
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(settle);
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      if (signal.aborted) return settle();
      this.#waiting.add(settle);
      signal.addEventListener('abort', settle, { once: true });
    });
  }
}
