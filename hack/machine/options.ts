/** Options of a command, as all commands here read them. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** As `parseArgs`. @throws Error with one sentence. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]!} (see --help).`, { cause: error });
  }
}
