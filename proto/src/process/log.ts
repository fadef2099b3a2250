/** JSON lines on stderr. Every string is scrubbed of credentials, wherever it comes from. */
import { pino } from 'pino';
import { scrub } from './scrub.ts';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** @param level one of pino's: debug, info, warn, error, silent. */
export function createLog(component: string, level: string): Log {
  return pino(
    {
      level,
      base: { component },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: scrub },
    },
    // Synchronous: the last lines before an exit are the ones that matter.
    process.stderr,
  );
}
