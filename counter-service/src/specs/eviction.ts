/** A counter evicts a healthy stream: it settles the stream's last checkpoint and ends the call, so nothing is lost. */
import type { Refused } from '../refusal.ts';
import type { FollowedSpec } from './specs.ts';

export interface Eviction {
  /** In the form of the status. */
  readonly reason: string;
  readonly sentence: string;
  /** The call ends with this refusal; without one, with a GoAway: the agent may dial another counter. */
  readonly refusal?: Refused['reason'];
}

/** A counter refuses a new call with the same sentence. */
export const EVICTIONS = {
  drain: { reason: 'Drained', sentence: 'The counter is shutting down.' },
  suspend: { reason: 'Suspended', sentence: 'spec.suspend is true: nothing is counted now.' },
  modelChange: { reason: 'ModelChanged', sentence: 'The stream is to be counted with another model.' },
  /** The counter has dropped video that a new decoder needs. The agent still has it, and sends it from its keyframe on. */
  resend: {
    reason: 'SentAgain',
    sentence: 'A group of pictures is larger than a counter keeps, so the agent has to send it again for a new decoder.',
  },
} as const satisfies Record<string, Eviction>;

/** Resolves when the spec asks for an eviction. @throws Refused when the stream is gone; the signal's reason. */
export async function waitForSpecEviction(followed: FollowedSpec, model: string, signal: AbortSignal): Promise<Eviction> {
  for (;;) {
    const { spec } = followed.current();
    if (spec.suspend) return EVICTIONS.suspend;
    if (spec.detection.model !== model) return EVICTIONS.modelChange;
    await followed.changed.wait(signal);
  }
}

/** A signal that aborts with the eviction. */
export function signalOf(eviction: Promise<Eviction>, onFault: (error: unknown) => void): AbortSignal {
  const controller = new AbortController();
  eviction.then((one) => controller.abort(one), onFault);
  return controller.signal;
}
