/** A receiver of events. Each kind is one file beside this one, and one row in `receivers.ts`. */
import type * as z from 'zod';
import type { StreamEvent } from '#crds/events.ts';

export interface Receiver {
  /** For logs and metrics; contains no secret. */
  readonly name: string;
  /**
   * Resolves when the receiver has stored the events. They belong to one stream and are in order; after a fault or a crash
   * the same ids may come again.
   *
   * @throws Error with a sentence; the journal delivers the same events again later.
   */
  deliver(events: readonly StreamEvent[], signal: AbortSignal): Promise<void>;
}

export interface ReceiverKind<Options extends z.ZodType> {
  /** Its fields in the counter's configuration, including `kind`. */
  readonly options: Options;
  open(options: z.output<Options>): Receiver;
}
