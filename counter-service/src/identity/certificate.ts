/**
 * The counter's server certificate, from files that change: the kubelet replaces the files of a Secret at once, by a link
 * to another folder. Broken or incomplete files are never used: the counter keeps the earlier certificate.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { ServerCertificate } from '#proto/wire/credentials.ts';
import type { CounterConfig } from '../config.ts';

const POLL_SECONDS = 5;

type Files = NonNullable<CounterConfig['tls']>;

export class Certificate {
  readonly #files: Files;
  readonly #log: Log;
  readonly #pollSeconds: number;
  #current: ServerCertificate;
  /** Hash of the files that were read last, valid or not: a fault is logged once. */
  #readHash: string;

  private constructor(files: Files, log: Log, current: ServerCertificate, pollSeconds: number) {
    this.#files = files;
    this.#log = log;
    this.#current = current;
    this.#readHash = hashOf(current);
    this.#pollSeconds = pollSeconds;
  }

  /** @throws Error with a sentence when the files hold no valid certificate and key: no agent would trust the counter. */
  static async read(files: Files, log: Log, pollSeconds = POLL_SECONDS): Promise<Certificate> {
    const current = await readFiles(files);
    const fault = faultOf(current);
    if (fault !== undefined) throw new Error(`The counter's certificate ${files.certificateFile} ${fault}.`);
    return new Certificate(files, log, current, pollSeconds);
  }

  get current(): ServerCertificate {
    return this.#current;
  }

  /** Reads the files again every few seconds until the signal aborts. */
  async follow(onRenewed: (certificate: ServerCertificate) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#pollSeconds, signal);
      const found = await readFiles(this.#files).catch(() => undefined);
      if (found === undefined || hashOf(found) === this.#readHash) continue;
      this.#readHash = hashOf(found);
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

/** The end of a sentence, which contains nothing of the key. */
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
