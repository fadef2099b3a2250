/**
 * How the camera does, for the counter. Only the newest condition is kept: a call that has just begun, or that takes
 * its time, is told the one that holds now and nothing of what has passed.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { CameraState } from '../camera/camera-state.ts';

export interface CameraCondition {
  readonly connected: boolean;
  /** Why it is not: one word, and a sentence without credentials. Empty before the first try has ended. */
  readonly reason: string;
  readonly sentence: string;
}

export class CameraReport {
  readonly #changed = new ConditionVariable();
  #condition: CameraCondition = { connected: false, reason: '', sentence: '' };

  /** That more was read is no news. */
  update({ connected, fault }: Pick<CameraState, 'connected' | 'fault'>): void {
    const { reason = '', sentence = '' } = fault ?? {};
    const now = { connected, reason, sentence: scrub(sentence) };
    const known = this.#condition;
    if (now.connected === known.connected && now.reason === known.reason && now.sentence === known.sentence) return;
    this.#condition = now;
    this.#changed.notify();
  }

  /** The condition that holds, then each newer one that is there when the next is asked for. Throws the signal's reason. */
  async *follow(signal: AbortSignal): AsyncGenerator<CameraCondition, never> {
    for (;;) {
      const told = this.#condition;
      yield told;
      while (this.#condition === told) await this.#changed.wait(signal);
    }
  }
}
