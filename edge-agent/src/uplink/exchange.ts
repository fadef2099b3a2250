/**
 * One call to one counter, from Hello to its end.
 *
 *   greeting ──Welcome──▶ sending ──GoAway/cut──▶ over (the session dials again)
 *       └───Refusal──▶ over          └──Finished──▶ done
 *
 * Two tasks share the call: one sends the log as credit allows, one takes what the counter says. Either one's end
 * ends the other.
 */
import { beat, SILENCE_SECONDS } from '#proto/heartbeat.ts';
import {
  type AgentCall,
  asBuffer,
  codecToMessage,
  type CountsMessage,
  type FromCounter,
  type RefusalReason,
  type StreamName,
} from '#proto/protocol.ts';
import { Watchdog } from '#proto/watchdog.ts';
import type { Checkpoints } from '../ring/checkpoints.ts';
import type { Gap, NumberedUnit, Recording, Start } from '../ring/recording.ts';
import { Allowance } from './allowance.ts';

export type Outcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'goAway'; readonly sentence: string }
  | { readonly kind: 'refused'; readonly reason: keyof typeof RefusalReason; readonly sentence: string }
  | { readonly kind: 'cut'; readonly sentence: string };

export interface Exchange {
  readonly stream: StreamName;
  readonly session: string;
  readonly lastTerm: number;
  /** Where the session's log begins: what lies before it belongs to another one. */
  readonly firstNumber: number;
  readonly sessionStartMicros: number;
  readonly recording: Recording;
  readonly checkpoints: Checkpoints;
  readonly onWelcome: (term: number) => void;
  readonly onSent: (unit: NumberedUnit) => void;
  readonly onGap: (gap: Gap) => void;
  readonly onCounts: (counts: CountsMessage) => void;
}

/** Runs the call to its end. Throws only what the recording throws: a source that cannot be read. */
export async function exchange(call: AgentCall, side: Exchange): Promise<Outcome> {
  const incoming = call.messages[Symbol.asyncIterator]();
  const over = new AbortController();
  const watchdog = new Watchdog(SILENCE_SECONDS, () => call.cancel());
  let sending: Promise<void> | undefined;
  try {
    await call.send({
      hello: {
        stream: side.stream,
        session: side.session,
        lastTerm: side.lastTerm,
        sessionStartMicros: side.sessionStartMicros,
      },
    });
    const greeting = await nextMessage(incoming, watchdog);
    if (greeting?.kind === 'refusal') return refused(greeting.value);
    if (greeting?.kind !== 'welcome') return { kind: 'cut', sentence: 'the counter did not greet' };
    side.onWelcome(greeting.value.term);

    const allowance = new Allowance();
    const signal = AbortSignal.any([over.signal, call.signal]);
    let sourceFault: unknown;
    sending = sendLog(call, side, greeting.value.position, allowance, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      sourceFault = error;
      call.cancel();
    });
    void beat(call, signal);
    const outcome = await receive(call, side, incoming, allowance, watchdog).catch(cut);
    if (sourceFault !== undefined) throw sourceFault;
    return outcome;
  } catch (error) {
    if (call.signal.aborted && error instanceof Error && 'code' in error) return cut(error);
    throw error;
  } finally {
    watchdog.stop();
    over.abort(new Error('the call is over'));
    call.cancel();
    await sending;
  }
}

async function sendLog(
  call: AgentCall,
  side: Exchange,
  position: number,
  allowance: Allowance,
  signal: AbortSignal,
): Promise<void> {
  const { start, checkpoint } = resumption(side, position);
  for await (const entry of side.recording.read(start, signal)) {
    if (entry.kind === 'start') {
      await call.send({ resume: { checkpoint, codec: codecToMessage(entry.codec) } });
    } else if (entry.kind === 'unit') {
      await allowance.take(entry.unit.data.length, signal);
      await call.send({ accessUnit: { ...entry.unit, data: asBuffer(entry.unit.data) } });
      side.onSent(entry.unit);
    } else if (entry.kind === 'gap') {
      await call.send({ gap: { ...entry.gap, codec: codecToMessage(entry.gap.codec) } });
      side.onGap(entry.gap);
    } else {
      await call.send({ endOfStream: { lastNumber: entry.lastNumber } });
    }
  }
}

function resumption({ checkpoints, recording, firstNumber }: Exchange, position: number): { start: Start; checkpoint: Buffer } {
  const checkpoint = checkpoints.newestFrom(position);
  if (checkpoint === undefined) {
    const counted = { position: Math.max(position, firstNumber - 1), presentationMicros: 0 };
    return { start: { from: counted.position + 1, counted, reason: position > 0 ? 'CHECKPOINT_LOST' : 'RING_FULL' }, checkpoint: Buffer.alloc(0) };
  }
  const from = recording.keyframeFor(checkpoint.presentationMicros) ?? checkpoint.position + 1;
  return { start: { from, counted: checkpoint, reason: 'RING_FULL' }, checkpoint: checkpoint.state };
}

async function receive(
  call: AgentCall,
  side: Exchange,
  incoming: AsyncIterator<FromCounter>,
  allowance: Allowance,
  watchdog: Watchdog,
): Promise<Outcome> {
  for (;;) {
    const message = await nextMessage(incoming, watchdog);
    switch (message?.kind) {
      case undefined:
        return { kind: 'cut', sentence: 'the counter ended the call' };
      case 'credit':
        allowance.grant(message.value);
        break;
      case 'counts':
        side.onCounts(message.value);
        break;
      case 'storeCheckpoint': {
        const { serial, position, presentationMicros, checkpoint } = message.value;
        side.checkpoints.store({ serial, position, presentationMicros, state: checkpoint });
        await call.send({ checkpointStored: { serial } });
        break;
      }
      case 'release': {
        const settled = side.checkpoints.release(message.value.serial);
        if (settled) side.recording.release(settled.presentationMicros);
        break;
      }
      case 'refusal':
        return refused(message.value);
      case 'goAway':
        return { kind: 'goAway', sentence: message.value.sentence };
      case 'finished':
        call.finish();
        return { kind: 'finished' };
      case 'heartbeat':
      case 'welcome':
        break;
    }
  }
}

async function nextMessage(incoming: AsyncIterator<FromCounter>, watchdog: Watchdog): Promise<FromCounter | undefined> {
  const result = await incoming.next();
  watchdog.heard();
  return result.done ? undefined : result.value;
}

function refused(refusal: { reason: keyof typeof RefusalReason; sentence: string }): Outcome {
  return { kind: 'refused', reason: refusal.reason, sentence: refusal.sentence };
}

function cut(error: unknown): Outcome {
  return { kind: 'cut', sentence: error instanceof Error ? error.message : String(error) };
}
