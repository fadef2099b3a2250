/** The kinds of receivers. */
import * as z from 'zod';
import { eventsFile } from './file.ts';
import type { Receiver, ReceiverKind } from './receiver.ts';

const kinds = {
  file: eventsFile,
} satisfies Record<string, ReceiverKind<z.ZodType>>;

/** A receiver in the counter's configuration: `{kind, ...}`. */
const receiverOptions = z.discriminatedUnion('kind', [kinds.file.options]);
export type ReceiverOptions = z.output<typeof receiverOptions>;

/** All receivers of a counter. Two of the same kind and key would each write every event to the same place. */
export const receiversOptions = z
  .array(receiverOptions)
  .max(16)
  .superRefine((receivers, context) => {
    const names = new Set<string>();
    for (const [index, receiver] of receivers.entries()) {
      const { key } = kinds[receiver.kind];
      const name = `${receiver.kind} ${receiver[key]}`;
      if (names.has(name)) {
        const message = `must be unique among the receivers, found ${JSON.stringify(receiver[key])} again`;
        context.addIssue({ code: 'custom', path: [index, key], message });
      }
      names.add(name);
    }
  });

export function openReceiver(options: ReceiverOptions): Receiver {
  // The compiler does not see that kind and options belong together.
  return (kinds[options.kind] as ReceiverKind<z.ZodType>).open(options);
}
