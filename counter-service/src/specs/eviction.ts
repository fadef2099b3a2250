/** A stream that nothing is wrong with is sent away all the same: settled first, so that nothing is lost by it. */
import type { Refused } from '../refusal.ts';
import type { FollowedSpec } from './specs.ts';

export interface Eviction {
  /** One word, for the status. */
  readonly reason: string;
  readonly sentence: string;
  /** The agent is turned away with this; otherwise it may go to another counter. */
  readonly refusal?: Refused['reason'];
}

export const drained: Eviction = { reason: 'Drained', sentence: 'The counter is shutting down.' };
export const suspended: Eviction = { reason: 'Suspended', sentence: 'spec.suspend is true: nothing is counted now.' };
export const modelChanged: Eviction = { reason: 'ModelChanged', sentence: 'The stream is to be counted with another model.' };

/** What was let go of it here its agent still has: it begins with its keyframe again. */
export const videoNeededAgain: Eviction = {
  reason: 'SentAgain',
  sentence: 'A group of pictures is larger than what a counter keeps of one, and is to be sent again to be decoded anew.',
};

/** Resolves when the spec asks for it. @throws Refused when the stream is gone; the signal's reason. */
export async function evictionBySpec(followed: FollowedSpec, model: string, signal: AbortSignal): Promise<Eviction> {
  for (;;) {
    const { spec } = followed.current();
    if (spec.suspend) return suspended;
    if (spec.detection.model !== model) return modelChanged;
    await followed.changed.wait(signal);
  }
}

/** Aborted, with the eviction, when there is one. */
export function signalOf(eviction: Promise<Eviction>, onFault: (error: unknown) => void): AbortSignal {
  const controller = new AbortController();
  eviction.then((one) => controller.abort(one), onFault);
  return controller.signal;
}
