/**
 * The certificate that the counter shows, from files that change: the kubelet replaces a Secret's files all at once, by a
 * link to another folder. What is broken or half there is never shown: the one before stays.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { ServerCertificate } from '#proto/wire/credentials.ts';
import type { CounterConfig } from '../config.ts';

const LOOK_SECONDS = 5;

type Files = NonNullable<CounterConfig['tls']>;

export class Certificate {
  readonly #files: Files;
  readonly #log: Log;
  readonly #lookSeconds: number;
  #current: ServerCertificate;
  /** Of what was looked at last, sound or not: a fault is told once. */
  #seen: string;

  private constructor(files: Files, log: Log, current: ServerCertificate, lookSeconds: number) {
    this.#files = files;
    this.#log = log;
    this.#current = current;
    this.#seen = hashOf(current);
    this.#lookSeconds = lookSeconds;
  }

  /** @throws Error with a sentence when there is no sound one: a counter that nobody can know serves nobody. */
  static async read(files: Files, log: Log, lookSeconds = LOOK_SECONDS): Promise<Certificate> {
    const current = await readFiles(files);
    const fault = faultOf(current);
    if (fault !== undefined) throw new Error(`The counter's certificate ${files.certificateFile} ${fault}.`);
    return new Certificate(files, log, current, lookSeconds);
  }

  get current(): ServerCertificate {
    return this.#current;
  }

  /** Until the signal aborts. */
  async follow(onRenewed: (certificate: ServerCertificate) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#lookSeconds, signal);
      const found = await readFiles(this.#files).catch(() => undefined);
      if (found === undefined || hashOf(found) === this.#seen) continue;
      this.#seen = hashOf(found);
      const fault = faultOf(found);
      if (fault !== undefined) {
        this.#log.warn({ file: this.#files.certificateFile, fault }, 'the new certificate is not used');
        continue;
      }
      this.#current = found;
      onRenewed(found);
      this.#log.info({ until: new X509Certificate(found.certificate).validTo }, 'the new certificate is used');
    }
  }
}

async function readFiles({ certificateFile, keyFile }: Files): Promise<ServerCertificate> {
  const read = (file: string) =>
    readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`The counter's certificate cannot be read from ${file} (${error.code}).`);
    });
  const [certificate, key] = await Promise.all([read(certificateFile), read(keyFile)]);
  return { certificate, key };
}

/** Ends a sentence; says nothing of the key. */
function faultOf({ certificate, key }: ServerCertificate): string | undefined {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    return 'is no certificate in PEM';
  }
  try {
    return parsed.checkPrivateKey(createPrivateKey(key)) ? undefined : 'does not belong to its key';
  } catch {
    return 'has no readable key beside it';
  }
}

function hashOf({ certificate, key }: ServerCertificate): string {
  return createHash('sha256').update(certificate).update(key).digest('base64');
}
