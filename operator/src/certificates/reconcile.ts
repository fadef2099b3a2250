/** The certificates' story: renew what is due, give all agents the trusted authorities, and report what the user has to fix. */
import type { ApiServer, V1OwnerReference } from '#crds/cluster/api.ts';
import type { Log } from '#proto/process/log.ts';
import type { OperatorConfig } from '../config.ts';
import type { OwnerLookup } from '../objects/owner.ts';
import type { Controller } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/recorder.ts';
import { type CertificateState, reconcileCertificates } from './certificates.ts';

export interface CertificateOptions {
  readonly api: ApiServer;
  readonly config: OperatorConfig;
  readonly owner: OwnerLookup;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** The authorities, or what the user has to fix, have changed, and with them all streams. */
  readonly onChange: () => void;
}

export interface CertificateController extends Controller {
  /** As of the last pass. */
  readonly state: () => Pick<CertificateState, 'authorities' | 'trouble'>;
}

/** Watches nothing: with the right to watch Secrets the operator could read all of them. Each pass asks for the next one. */
export function certificateController(options: CertificateOptions): CertificateController {
  const { api, config, owner, onChange } = options;
  let state: CertificateState | undefined;
  return {
    name: 'certificates',
    workers: 1,
    watches: [],
    allKeys: () => [`${config.namespace}/${config.tls.secretName}`],
    state: () => ({ authorities: state?.authorities, trouble: state?.trouble }),
    reconcile: async (_, signal) => {
      const deployment = await owner(signal);
      const before = state;
      state = await reconcileCertificates({ ...config, api, now: Date.now }, signal);
      announce(before, state, deployment, options);
      if (state.authorities !== before?.authorities || state.trouble !== before?.trouble) onChange();
      return { requeueAfterSeconds: state.dueSeconds };
    },
  };
}

/** Logs what is new, with an Event of the operator's own Deployment. */
function announce(
  before: CertificateState | undefined,
  { renewed, trouble }: CertificateState,
  deployment: V1OwnerReference | undefined,
  { config, recorder, log }: CertificateOptions,
): void {
  const record = (type: 'Normal' | 'Warning', reason: string, note: string) => {
    if (deployment === undefined) return;
    const { apiVersion, kind, name, uid } = deployment;
    const metadata = { namespace: config.namespace, name, uid };
    recorder.record({ regarding: { apiVersion, kind, metadata }, type, reason, action: 'RenewCertificates', note });
  };
  if (renewed !== undefined) {
    log.info({ sentence: renewed }, 'certificates renewed');
    record('Normal', 'CertificatesRenewed', renewed);
  }
  if (trouble !== undefined && trouble !== before?.trouble) {
    log.warn({ sentence: trouble }, 'no certificate');
    record('Warning', 'CertificateUnavailable', trouble);
  }
}
