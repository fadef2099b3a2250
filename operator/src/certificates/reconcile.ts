/** The certificates' own story: what is due is renewed, every stream hears whom to trust, and people what they have to mend. */
import type { ApiServer, V1OwnerReference } from '#crds/cluster/api.ts';
import type { Log } from '#proto/process/log.ts';
import { lookAtCertificates, type StreamStateReporter } from './certificates.ts';
import type { OperatorConfig } from '../config.ts';
import type { Pass } from '../streams/reconcile.ts';
import type { EventRecorder } from '../runtime/recorder.ts';

export interface CertificatesOptions {
  readonly config: OperatorConfig;
  readonly api: ApiServer;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Whom to trust, or what is to be mended, has changed: it concerns all streams. */
  readonly onChange: () => void;
}

export class Certificates {
  readonly #options: CertificatesOptions;
  #standing: StreamStateReporter | undefined;

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** PEM; undefined while it is not known. */
  get authorities(): string | undefined {
    return this.#standing?.authorities;
  }

  get trouble(): string | undefined {
    return this.#standing?.trouble;
  }

  /** @param owner the operator's own Deployment, of which Events tell. @throws for what passes by itself. */
  async reconcile(owner: V1OwnerReference | undefined, signal: AbortSignal): Promise<Pass> {
    const { config, api, log, onChange } = this.#options;
    const before = this.#standing;
    this.#standing = await lookAtCertificates({ ...config, api, now: Date.now }, signal);
    const { authorities, trouble, renewed, againSeconds } = this.#standing;
    if (renewed !== undefined) {
      log.info({ sentence: renewed }, 'certificates renewed');
      this.#tell(owner, 'Normal', 'CertificatesRenewed', renewed);
    }
    if (trouble !== undefined && trouble !== before?.trouble) {
      log.warn({ sentence: trouble }, 'there is no certificate');
      this.#tell(owner, 'Warning', 'CertificateUnavailable', trouble);
    }
    if (authorities !== before?.authorities || trouble !== before?.trouble) onChange();
    return { requeueAfterSeconds: againSeconds };
  }

  #tell(owner: V1OwnerReference | undefined, type: 'Normal' | 'Warning', reason: string, note: string): void {
    if (owner === undefined) return;
    const { apiVersion, kind, name, uid } = owner;
    const metadata = { namespace: this.#options.config.namespace, name, uid };
    this.#options.recorder.record({ regarding: { apiVersion, kind, metadata }, type, reason, action: 'KeepCertificates', note });
  }
}
