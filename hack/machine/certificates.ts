/** Certificates for tests, as the files that a pod has. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertifiedKey, issueAuthority, issueServer } from '../../operator/src/certificates/issuing.ts';

export const SERVER_NAME = 'footfall-counter.footfall-system.svc';

export class Certificates {
  /** As the configuration of a counter has it. */
  readonly ofCounter: { readonly certificateFile: string; readonly keyFile: string };
  readonly authoritiesFile: string;
  readonly tokenFile: string;
  #authorities: readonly CertifiedKey[] = [];

  private constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.ofCounter = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    this.authoritiesFile = join(folder, 'ca.crt');
    this.tokenFile = join(folder, 'token');
  }

  /** An authority that is trusted and has certified a counter. */
  static async make(folder: string): Promise<Certificates> {
    const made = new Certificates(folder);
    await made.addAuthority();
    await made.certify();
    return made;
  }

  /** As the configuration of an agent has it. */
  get ofAgent() {
    return { serverName: SERVER_NAME, authoritiesFile: this.authoritiesFile, tokenFile: this.tokenFile };
  }

  /** From now on agents trust a new authority beside the former ones. */
  async addAuthority(): Promise<void> {
    this.#authorities = [await issueAuthority({ from: Date.now(), seconds: 3600 }), ...this.#authorities];
    this.#distribute();
  }

  /** From now on agents trust the newest authority alone. */
  dropFormerAuthorities(): void {
    this.#authorities = this.#authorities.slice(0, 1);
    this.#distribute();
  }

  /** The newest authority issues the counter a new certificate. */
  async certify(seconds = 3600): Promise<void> {
    const { certificate, key } = await issueServer(this.#authorities[0]!, SERVER_NAME, { from: Date.now(), seconds });
    replace(this.ofCounter.keyFile, key);
    replace(this.ofCounter.certificateFile, certificate);
  }

  setToken(token: string): void {
    replace(this.tokenFile, token);
  }

  #distribute(): void {
    replace(this.authoritiesFile, this.#authorities.map(({ certificate }) => certificate).join(''));
  }
}

/** Atomic: a reader sees the old file or the new one. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
