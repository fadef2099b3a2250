/** The kinds of receivers. */
import * as z from 'zod';
import { eventsFile } from './file.ts';
import type { Receiver, ReceiverKind } from './receiver.ts';

const kinds = {
  file: eventsFile,
} satisfies Record<string, ReceiverKind<z.ZodType>>;

/** A receiver in the counter's configuration: `{kind, ...}`. */
export const receiverOptions = z.discriminatedUnion('kind', [kinds.file.options]);
export type ReceiverOptions = z.output<typeof receiverOptions>;

export function openReceiver(options: ReceiverOptions): Receiver {
  // The compiler does not see that kind and options belong together.
  return (kinds[options.kind] as ReceiverKind<z.ZodType>).open(options);
}
