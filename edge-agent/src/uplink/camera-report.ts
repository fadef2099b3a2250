/**
 * The camera's condition, for the counter. Only the newest is kept: a call that has just begun, or that is slow, gets the
 * condition that holds now and none of the earlier ones.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { CameraState } from '../camera/camera-state.ts';

export interface CameraCondition {
  readonly connected: boolean;
  /** Why it is not connected, or what to know of it while it is: one word, and a sentence without credentials. Else empty. */
  readonly reason: string;
  readonly sentence: string;
}

export class CameraReport {
  readonly #changed = new ConditionVariable();
  #condition: CameraCondition = { connected: false, reason: '', sentence: '' };

  /** Ignores a state that differs in its numbers only. */
  update({ connected, fault }: Pick<CameraState, 'connected' | 'fault'>): void {
    const { reason = '', sentence = '' } = fault ?? {};
    const now = { connected, reason, sentence: scrub(sentence) };
    const known = this.#condition;
    if (now.connected === known.connected && now.reason === known.reason && now.sentence === known.sentence) return;
    this.#condition = now;
    this.#changed.notify();
  }

  /** Yields the condition that holds, then the newest one each time that it has changed. Throws the signal's reason. */
  async *follow(signal: AbortSignal): AsyncGenerator<CameraCondition, never> {
    for (;;) {
      const sent = this.#condition;
      yield sent;
      while (this.#condition === sent) await this.#changed.wait(signal);
    }
  }
}
