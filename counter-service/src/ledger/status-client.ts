/**
 * Reading and writing one CameraStream's status, as every tenure does it: by server-side apply, at its pace.
 *
 * Each write names the version of the resource that was read before it: whoever wrote in between, or another resource
 * under the same name, makes it a conflict, upon which the resource is to be read again and judged. (A uid would not do:
 * the API server passes over it in a status.) The CRD's fence on `counts` stands behind that.
 */
import { type ApiServer, ApiFault, isConflict, isNotFound, resources } from '#crds/cluster/api.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import type { Entry, Ledgered } from './entry.ts';
import { type Clock, clock, Pace } from './write-pace.ts';

export const FIELD_MANAGER = 'footfall-counter';
/** One try; a server that is slower than that is as good as away. */
const ANSWER_MS = 10_000;

export type WriteResult = 'written' | 'conflict' | 'refused' | 'unanswered';

export interface StatusClientOptions {
  readonly api: ApiServer;
  /** This pod's name. */
  readonly counter: string;
  readonly onWrite?: ((result: WriteResult) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export class StatusClient {
  readonly counter: string;
  readonly clock: Clock;
  readonly #api: ApiServer;
  readonly #onWrite: (result: WriteResult) => void;
  readonly #pace: Pace;

  constructor({ api, counter, onWrite = () => undefined, clock: own = clock }: StatusClientOptions) {
    this.#api = api;
    this.counter = counter;
    this.clock = own;
    this.#onWrite = onWrite;
    this.#pace = new Pace(own);
  }

  /** Resolves when the stream may be written again. @throws the signal's reason. */
  turn({ uid }: StreamName, signal: AbortSignal): Promise<void> {
    return this.#pace.turn(uid, signal);
  }

  /** @throws Refused UNKNOWN_STREAM when there is none, or another under its name; ApiFault; the signal's reason. */
  async read({ namespace, name, uid }: StreamName, signal: AbortSignal): Promise<Ledgered> {
    const there = await within(signal, (either) => this.#api.get<Ledgered>(resources.cameraStreams, { namespace, name }, either)).catch(
      (error: unknown) => {
        throw isNotFound(error) ? new Refused('UNKNOWN_STREAM', `There is no CameraStream ${namespace}/${name}.`) : error;
      },
    );
    if (there.metadata?.uid !== uid) {
      throw new Refused('UNKNOWN_STREAM', `CameraStream ${namespace}/${name} was deleted and made again: it is another one now.`);
    }
    return there;
  }

  /** @returns the resource as it is then. @throws ApiFault, 409 when it was written since that version; the signal's reason. */
  async write(stream: StreamName, resourceVersion: string, status: Entry, signal: AbortSignal): Promise<Ledgered> {
    const { apiVersion, kind } = resources.cameraStreams;
    const { namespace, name, uid } = stream;
    const object = { apiVersion, kind, metadata: { namespace, name, uid, resourceVersion }, status };
    const options = { fieldManager: FIELD_MANAGER, subresource: 'status' };
    try {
      const written = await within(signal, (either) => this.#api.apply<Ledgered>(resources.cameraStreams, object, options, either));
      this.#onWrite('written');
      this.#pace.wrote(uid);
      return written;
    } catch (error) {
      const result = resultOf(error);
      this.#onWrite(result);
      // It may have come about.
      if (result === 'unanswered') this.#pace.wrote(uid);
      throw error;
    }
  }
}

/** @throws ApiFault without an answer when one try takes too long. */
async function within<T>(signal: AbortSignal, ask: (either: AbortSignal) => Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(ANSWER_MS);
  try {
    return await ask(AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new ApiFault({ code: 0, reason: 'Timeout', message: `the API server did not answer within ${ANSWER_MS / 1000} s` });
  }
}

function resultOf(error: unknown): WriteResult {
  if (isConflict(error)) return 'conflict';
  return error instanceof ApiFault && !error.transient ? 'refused' : 'unanswered';
}
