/** What takes events: a kind of receiver is one file beside this one, and one row in `receivers.ts`. */
import type * as z from 'zod';
import type { StreamEvent } from '#crds/events.ts';

export interface Receiver {
  /** For logs and metrics; without secrets. */
  readonly name: string;
  /**
   * Resolves when the receiver has the events for good. They are of one stream and in order; after a fault or a crash
   * the same ids may come again.
   *
   * @throws Error with a sentence: the same events are delivered again later.
   */
  deliver(events: readonly StreamEvent[], signal: AbortSignal): Promise<void>;
}

export interface ReceiverKind<Options extends z.ZodType> {
  /** Its fields in the counter's configuration, `kind` among them. */
  readonly options: Options;
  open(options: z.output<Options>): Receiver;
}
