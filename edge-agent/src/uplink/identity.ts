/**
 * How agent and counter prove to each other what they are, from files that the kubelet keeps up to date. They are read at
 * every dial, and the counter that has the stream is sent a token that was replaced. Nothing of it is ever logged.
 */
import { readFileSync } from 'node:fs';
import { pause } from '#proto/process/backoff.ts';
import type { AgentCredentials } from '#proto/wire/credentials.ts';

export interface IdentityFiles {
  /** For which counters have a certificate, at any address. */
  readonly serverName: string;
  /** PEM: the authorities that certify counters. */
  readonly authoritiesFile: string;
  /** The token by which counters know the agent. */
  readonly tokenFile: string;
}

/** A token is replaced when a fifth of its life is left: many minutes. */
const LOOK_SECONDS = 5;

export class Identity {
  readonly #files: IdentityFiles;
  readonly #lookSeconds: number;
  /** The token that the counter has. */
  #sent = '';

  constructor(files: IdentityFiles, lookSeconds = LOOK_SECONDS) {
    this.#files = files;
    this.#lookSeconds = lookSeconds;
  }

  /** For the next dial. @throws Error with a sentence when a file is missing or empty. */
  read(): AgentCredentials {
    const { serverName, authoritiesFile, tokenFile } = this.#files;
    const authorities = Buffer.from(readText(authoritiesFile, 'The agent has no authorities to check counters by'));
    this.#sent = readText(tokenFile, 'The agent has no token');
    return { authorities, serverName, token: this.#sent };
  }

  /** Yields each token that replaces the one sent last. Throws the signal's reason. */
  async *tokens(signal: AbortSignal): AsyncGenerator<string, never> {
    for (;;) {
      await pause(this.#lookSeconds, signal);
      signal.throwIfAborted();
      const token = newestToken(this.#files.tokenFile);
      if (token === undefined || token === this.#sent) continue;
      this.#sent = token;
      yield token;
    }
  }
}

/** A file that cannot be read now may be readable the next time. */
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
