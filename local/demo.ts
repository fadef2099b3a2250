/** `footfall demo`: counts the people of the shipped clip, as a first look. */
import { fileURLToPath } from 'node:url';
import type { Command } from './command.ts';
import { count } from './count.ts';
import { type CountOptions, OPTIONS_HELP } from './options.ts';

const HELP = `usage: footfall demo [options]

Counts the people of the sample clip that is shipped, and shows what \`footfall count\` does.

${OPTIONS_HELP}
Exit codes: 0 done, 1 failed, 2 bad input.
`;

const sample = fileURLToPath(new URL('../crds/samples/valid-one-by-one.yaml', import.meta.url));

export const demo: Command<CountOptions> = {
  help: HELP,
  readOptions: async (args) => {
    const options = await count.readOptions([sample, ...args]);
    if (options.files[1] !== undefined)
      throw new Error(`The demo counts its own clip and takes no file; for ${options.files[1]}: footfall count ${options.files[1]}.`);
    return options;
  },
  run: async (options, signal, terminal) => {
    if (options.output === 'table')
      terminal.stdout.write(`Footfall counts the people of a sample clip: six come in at the bottom edge and leave on the right.
The streams are declared in crds/samples/valid-one-by-one.yaml; the clip is Intel's, CC BY 4.0 (hack/samples/one-by-one).

`);
    return count.run(options, signal, terminal);
  },
};
