/**
 * Reads and writes the status of a CameraStream: by server-side apply, at most once every two seconds for each stream.
 *
 * Each write names the resource version that was read before it. A write of another client in between, or another
 * resource under the same name, makes it a conflict: the caller reads the resource again and judges anew. (The uid alone
 * would not do, for the API server ignores it in a status.) The CRD's validation rules on `counts` are the second fence.
 */
import { type ApiServer, ApiFault, isConflict, isNotFound, resources } from '#crds/cluster/api.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import type { Entry, CameraStreamObject } from './entry.ts';
import { type Clock, clock, WritePace } from './write-pace.ts';

export const FIELD_MANAGER = 'footfall-counter';
/** The time limit of one request. */
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
  readonly #pace: WritePace;

  constructor({ api, counter, onWrite = () => undefined, clock: own = clock }: StatusClientOptions) {
    this.#api = api;
    this.counter = counter;
    this.clock = own;
    this.#onWrite = onWrite;
    this.#pace = new WritePace(own);
  }

  /** Resolves when the stream's status may be written again. @throws the signal's reason. */
  waitForTurn({ uid }: StreamName, signal: AbortSignal): Promise<void> {
    return this.#pace.waitForTurn(uid, signal);
  }

  /** @throws Refused UNKNOWN_STREAM when the stream does not exist, or its name has another uid; ApiFault; the signal's reason. */
  async read({ namespace, name, uid }: StreamName, signal: AbortSignal): Promise<CameraStreamObject> {
    const current = await withTimeout(signal, (either) =>
      this.#api.get<CameraStreamObject>(resources.cameraStreams, { namespace, name }, either),
    ).catch((error: unknown) => {
      throw isNotFound(error) ? new Refused('UNKNOWN_STREAM', `There is no CameraStream ${namespace}/${name}.`) : error;
    });
    if (current.metadata?.uid !== uid) {
      throw new Refused('UNKNOWN_STREAM', `CameraStream ${namespace}/${name} was deleted and created again: it is another stream now.`);
    }
    return current;
  }

  /** @returns the resource after the write. @throws ApiFault, with 409 when it was written since that version; the signal's reason. */
  async write(stream: StreamName, resourceVersion: string, status: Entry, signal: AbortSignal): Promise<CameraStreamObject> {
    const { apiVersion, kind } = resources.cameraStreams;
    const { namespace, name, uid } = stream;
    const object = { apiVersion, kind, metadata: { namespace, name, uid, resourceVersion }, status };
    const options = { fieldManager: FIELD_MANAGER, subresource: 'status' };
    try {
      const written = await withTimeout(signal, (either) =>
        this.#api.apply<CameraStreamObject>(resources.cameraStreams, object, options, either),
      );
      this.#onWrite('written');
      this.#pace.recordWrite(uid);
      return written;
    } catch (error) {
      const result = resultOf(error);
      this.#onWrite(result);
      // The API server may have taken the write.
      if (result === 'unanswered') this.#pace.recordWrite(uid);
      throw error;
    }
  }
}

/** @throws ApiFault with code 0 when a request takes too long. */
async function withTimeout<T>(signal: AbortSignal, ask: (either: AbortSignal) => Promise<T>): Promise<T> {
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
