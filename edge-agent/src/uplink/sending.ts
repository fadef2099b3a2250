/** Sends the session's log, from where the counter can go on, as fast as its credit allows. */
import { asBuffer, codecToMessage } from '#proto/wire/codec.ts';
import type { AgentCall } from '#proto/wire/protocol.ts';
import type { Checkpoints } from '../ring/checkpoints.ts';
import type { Gap, NumberedUnit, Recording, Start } from '../ring/recording.ts';
import type { Credit } from './credit.ts';

export interface SessionLog {
  readonly recording: Recording;
  readonly checkpoints: Checkpoints;
  /** Where the session's log begins: earlier numbers belong to another session. */
  readonly firstNumber: number;
  readonly onSent: (unit: NumberedUnit) => void;
  readonly onGap: (gap: Gap) => void;
}

/**
 * Sends until the log ends, and returns how: at the source's end, where the agent stopped reading, without anything to
 * send, or incomplete, because a replay lost its access units and another call can do without them. Throws what the
 * recording throws, the signal's reason, or that the call has broken.
 * @param position committed of this session.
 */
export async function sendLog(
  call: AgentCall,
  log: SessionLog,
  position: number,
  credit: Credit,
  signal: AbortSignal,
): Promise<'whole' | 'paused' | 'nothing' | 'incomplete'> {
  let begun = false;
  // As soon as the counter has its term: an earlier counter commits nothing that is taken from now on.
  const takenMicros = log.recording.takenMicros?.() ?? 0;
  const { start, checkpoint } = resumption(log, position);
  for await (const entry of log.recording.read(start, signal)) {
    if (entry.kind === 'start') {
      begun = true;
      await call.send({ resume: { checkpoint, codec: codecToMessage(entry.codec), takenMicros } });
    } else if (entry.kind === 'unit') {
      await credit.take(entry.unit.data.length, signal);
      await call.send({ accessUnit: { ...entry.unit, data: asBuffer(entry.unit.data) } });
      log.onSent(entry.unit);
    } else if (entry.kind === 'gap') {
      await call.send({ gap: { ...entry.gap, codec: codecToMessage(entry.gap.codec) } });
      log.onGap(entry.gap);
    } else {
      const { lastNumber, paused } = entry;
      await call.send({ endOfStream: { lastNumber, paused } });
      return paused ? 'paused' : 'whole';
    }
  }
  return begun ? 'incomplete' : 'nothing';
}

function resumption({ checkpoints, recording, firstNumber }: SessionLog, position: number): { start: Start; checkpoint: Buffer } {
  const checkpoint = checkpoints.newestFrom(position);
  if (checkpoint === undefined) {
    const counted = { position: Math.max(position, firstNumber - 1), presentationMicros: 0 };
    return {
      start: { from: counted.position + 1, counted, reason: position > 0 ? 'CHECKPOINT_LOST' : 'RING_FULL' },
      checkpoint: Buffer.alloc(0),
    };
  }
  const from = recording.keyframeFor(checkpoint) ?? checkpoint.position + 1;
  return { start: { from, counted: checkpoint, reason: 'RING_FULL' }, checkpoint: checkpoint.state };
}
