/**
 * A receiver of events. Each kind is one file beside this one; in `receivers.ts` it is an import, a row and an entry of the
 * union. The streams of a counter share the receiver: it may get deliveries of several streams at once, each of at most
 * 100 events. `signal` aborts after 30 s, or when the stream ends.
 */
import type * as z from 'zod';
import type { StreamEvent } from '#crds/events.ts';

export interface Receiver {
  /** The kind and the key: unique among the receivers, for logs and metrics; contains no secret. */
  readonly name: string;
  /**
   * Resolves when the receiver has stored the events. They belong to one stream and are in order; after a fault or a crash
   * the same ids may come again.
   *
   * @throws Error with a sentence that contains no secret; the journal delivers the same events again later.
   */
  deliver(events: readonly StreamEvent[], signal: AbortSignal): Promise<void>;
}

export interface ReceiverKind<Options extends z.ZodType> {
  /** Its fields in the counter's configuration, including `kind`. */
  readonly options: Options;
  /** The field that tells two receivers of this kind apart. */
  readonly key: string & keyof z.output<Options>;
  open(options: z.output<Options>): Receiver;
}
