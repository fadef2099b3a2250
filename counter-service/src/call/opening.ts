/** The messages before the video: the agent's Hello, and its Resume once there is video. */
import type { FromAgent, Hello } from '#proto/wire/protocol.ts';
import { AgentGone, Refused } from '../refusal.ts';
import type { Admission } from './admission.ts';
import type { Incoming } from './incoming.ts';

export type Resume = Extract<FromAgent, { kind: 'resume' }>['value'];

/** @throws Refused INVALID; AgentGone; the reason why the call ended. */
export async function readHello(incoming: Incoming): Promise<Hello> {
  const message = await incoming.next(incoming.signal);
  if (message === undefined) throw new AgentGone('the agent left before its hello');
  if (message.kind !== 'hello') throw new Refused('INVALID', `The agent sent ${message.kind} where its hello belongs.`);
  return message.value;
}

/**
 * An agent without video keeps the call open, and reports its camera, until it has some.
 *
 * @param signal ends the wait with its reason; `eviction` ends it with 'evicted'.
 */
export async function waitForResume(
  incoming: Incoming,
  { streamState, caller }: Admission,
  { signal, eviction }: { readonly signal: AbortSignal; readonly eviction: AbortSignal },
): Promise<Resume | 'paused' | 'evicted'> {
  const either = AbortSignal.any([signal, eviction]);
  for (;;) {
    let message: FromAgent | undefined;
    try {
      message = await incoming.next(either);
    } catch (error) {
      if (eviction.aborted && !signal.aborted) return 'evicted';
      throw error;
    }
    switch (message?.kind) {
      case 'resume':
        return message.value;
      case 'camera':
        streamState.reportCamera(message.value);
        break;
      case 'identity':
        caller?.replace(message.value.token);
        break;
      case 'heartbeat':
        break;
      case undefined:
        throw new AgentGone('the agent left before its resume');
      default:
        if (message?.kind === 'endOfStream' && message.value.paused) return 'paused';
        throw new Refused('INVALID', `The agent sent ${message?.kind} where its resume belongs.`);
    }
  }
}
