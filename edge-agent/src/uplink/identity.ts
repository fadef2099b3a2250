/**
 * By what agent and counter know each other, from files that the kubelet keeps up to date: read anew at every dial, and
 * a token that was replaced is told to the counter that has the stream. Nothing of it is ever logged.
 */
import { readFileSync } from 'node:fs';
import { pause } from '#proto/process/backoff.ts';
import type { AgentCredentials } from '#proto/wire/credentials.ts';
import type { AgentConfig } from '../config.ts';

/** A token is replaced when a fifth of its life is left: many minutes. */
const LOOK_SECONDS = 5;

export class Identity {
  readonly #files: NonNullable<AgentConfig['tls']>;
  readonly #lookSeconds: number;
  /** Which the counter has been told. */
  #told = '';

  constructor(files: NonNullable<AgentConfig['tls']>, lookSeconds = LOOK_SECONDS) {
    this.#files = files;
    this.#lookSeconds = lookSeconds;
  }

  /** For the next dial. @throws Error with a sentence when something is not there. */
  read(): AgentCredentials {
    const { serverName, authoritiesFile, tokenFile } = this.#files;
    const authorities = Buffer.from(readText(authoritiesFile, 'There is nobody to trust counters by'));
    this.#told = readText(tokenFile, 'The agent has no token');
    return { authorities, serverName, token: this.#told };
  }

  /** Each token that takes the place of the one last told. Throws the signal's reason. */
  async *tokens(signal: AbortSignal): AsyncGenerator<string, never> {
    for (;;) {
      await pause(this.#lookSeconds, signal);
      signal.throwIfAborted();
      const token = newestToken(this.#files.tokenFile);
      if (token === undefined || token === this.#told) continue;
      this.#told = token;
      yield token;
    }
  }
}

/** One that cannot be read now may be there the next time. */
function newestToken(file: string): string | undefined {
  try {
    return readText(file, '');
  } catch {
    return undefined;
  }
}

function readText(file: string, otherwise: string): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`${otherwise}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error });
  }
  if (text === '') throw new Error(`${otherwise}: ${file} is empty.`);
  return text;
}
