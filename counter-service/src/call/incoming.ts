/**
 * The messages of one call, and whether its agent is alive. An agent that sends nothing for too long is gone; an agent
 * that sends too many messages is refused.
 */
import type { CounterCall, FromAgent } from '#proto/wire/protocol.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';
import { AgentGone, Refused } from '../refusal.ts';
import { Rate } from './rate-limit.ts';

/** Without video, an agent sends a heartbeat a second, an answer to each checkpoint, and now and then the state of its camera. */
const MESSAGES = { perSecond: 20, burst: 200 };

export class Incoming {
  /** Throws Refused INVALID when the agent sends too many messages; video is bounded by its credit. */
  readonly messages: AsyncIterator<FromAgent>;
  /** Aborted when the call breaks, the agent falls silent, or `close` is called. */
  readonly signal: AbortSignal;
  readonly #closed = new AbortController();
  readonly #watchdog: Watchdog;

  constructor(call: CounterCall, silenceSeconds: number) {
    // On a slow link a large picture takes longer than this, and the heartbeats wait behind it: its bytes count, too.
    this.#watchdog = new Watchdog(
      silenceSeconds,
      () => this.#closed.abort(new AgentGone('the agent fell silent')),
      () => call.bytesReceived(),
    );
    this.signal = AbortSignal.any([this.#closed.signal, call.signal]);
    this.messages = this.#limited(call.messages);
  }

  /** The next message; undefined after the last one. @throws the signal's reason as soon as it aborts. */
  next(signal: AbortSignal): Promise<FromAgent | undefined> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason as Error);
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      this.messages
        .next()
        .then(({ done, value }) => resolve(done === true ? undefined : value), reject)
        .finally(() => signal.removeEventListener('abort', stop));
    });
  }

  close(): void {
    this.#watchdog.stop();
    this.#closed.abort(new Error('the call is over'));
  }

  async *#limited(messages: AsyncIterable<FromAgent>): AsyncGenerator<FromAgent> {
    const now = () => performance.now() / 1000;
    const rate = new Rate(MESSAGES, now());
    let before: FromAgent['kind'] | undefined;
    for await (const message of messages) {
      const { kind } = message;
      this.#watchdog.reset();
      const isVideo = kind === 'accessUnit' || (kind === 'gap' && before === 'accessUnit');
      before = kind;
      if (!isVideo && !rate.take(now()))
        throw new Refused('INVALID', `The agent sent more than ${MESSAGES.burst} messages at once that are no video.`);
      yield message;
    }
  }
}
