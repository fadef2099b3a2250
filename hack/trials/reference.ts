/** The undisturbed run: one counter counts the tapes of a trial, with the gaps that its agents declared. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dialCounting } from '#proto/wire/client.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Checkpoints } from '../../edge-agent/src/ring/checkpoints.ts';
import { exchange } from '../../edge-agent/src/uplink/exchange.ts';
import { type Committed, folderLedger } from './ledgers.ts';
import { Life } from './process.ts';
import { TapedRecording } from './recording.ts';
import type { SessionFilm } from './sessions.ts';

/** Long, because a busy machine is slow. */
const PATIENCE_SECONDS = 120;

interface Place {
  readonly folder: string;
  /** A directory. */
  readonly models: string;
  readonly signal: AbortSignal;
}

export async function countUndisturbed(films: readonly SessionFilm[], { folder, models, signal }: Place): Promise<Committed> {
  await mkdir(folder, { recursive: true });
  const ledger = await folderLedger(folder);
  const announced = Promise.withResolvers<number>();
  const counter = new Life({
    kind: 'counter',
    config: {
      ...ledger.counterConfig('reference'),
      listen: '127.0.0.1:0',
      http: { host: '127.0.0.1', port: 0 },
      modelsDirectory: models,
      inference: { workers: 1 },
    },
    log: join(folder, 'counter.log'),
    environment: {},
    onMessage: (message) => {
      if ('counter' in message) announced.resolve(message.counter as number);
    },
  });
  void counter.ended.then((result) => announced.reject(new Error(`the counter of the undisturbed run ended with ${result}`)));
  try {
    const port = await announced.promise;
    for (const film of films) await play(film, ledger.stream, port, signal);
    return await ledger.read();
  } finally {
    await counter.kill();
  }
}

async function play(film: SessionFilm, stream: StreamName, port: number, signal: AbortSignal): Promise<void> {
  const outcome = await exchange(dialCounting(`127.0.0.1:${port}`, signal), {
    stream,
    session: film.session,
    sessionStartMicros: film.sessionStartMicros,
    lastTerm: 0,
    firstNumber: 1,
    recording: new TapedRecording(film),
    checkpoints: new Checkpoints(),
    leaving: new AbortController().signal,
    greetingSeconds: PATIENCE_SECONDS,
    onWelcome: () => undefined,
    onSuspect: () => undefined,
    onSent: () => undefined,
    onGap: () => undefined,
    onCounts: () => undefined,
  });
  if (outcome.kind !== 'finished') throw new Error(`the undisturbed run was disturbed: ${outcome.sentence}`);
}
