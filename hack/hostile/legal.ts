/** A legal stream: rounds of a clip in which one person comes in, with a declared interruption between two rounds. */
import { asBuffer } from '#proto/wire/codec.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { Clip } from '../../counter-service/src/fixtures/clip.ts';
import { PlayedAgent } from '../../counter-service/src/fixtures/played-agent.ts';

/** Between two rounds, so that no track continues from one into the next. */
const BREAK_MICROS = 1_000_000;
/** A busy machine may count only one frame a second. */
const PATIENCE_SECONDS = 300;

export interface LegalResult {
  /** Rounds that were sent completely; one person came in in each. */
  readonly rounds: number;
  readonly counted: number;
  /** Gaps that the agent did not declare, or the reason for which the call ended. */
  readonly trouble: string | undefined;
}

export interface Legal {
  /** Resolves when the first person is counted, or the call has ended: the stream uses all its memory by then. */
  readonly counting: Promise<void>;
  readonly result: Promise<LegalResult>;
}

/** Sends rounds until the signal aborts, the last one completely. */
export function playLegal(port: number, stream: StreamName, clip: Clip, signal: AbortSignal): Legal {
  const agent = new PlayedAgent(port, stream, { session: `legal-${stream.name}` });
  return {
    counting: agent.until(({ counts, over }) => (counts?.in ?? 0) > 0 || over, PATIENCE_SECONDS),
    result: play(agent, clip, signal),
  };
}

async function play(agent: PlayedAgent, clip: Clip, signal: AbortSignal): Promise<LegalResult> {
  const length = clip.units.at(-1)!.presentationMicros + BREAK_MICROS;
  let rounds = 0;
  let number = 0;
  agent.resume(clip);
  try {
    for (; rounds === 0 || !signal.aborted; rounds += 1) {
      const shift = rounds * length;
      if (rounds > 0) {
        const fromMicros = shift - BREAK_MICROS;
        await agent.tell({
          gap: { after: number, next: number + 1, fromMicros, toMicros: shift + clip.units[0]!.presentationMicros, reason: 'CAMERA_LOST' },
        });
      }
      for (const unit of clip.units) {
        await agent.until(({ credit, over }) => credit > number || over, PATIENCE_SECONDS);
        number += 1;
        await agent.tell({
          accessUnit: { ...unit, number, presentationMicros: unit.presentationMicros + shift, data: asBuffer(unit.data) },
        });
      }
    }
    agent.say({ endOfStream: { lastNumber: number } });
    await agent.until(({ finished, over }) => finished || over, PATIENCE_SECONDS);
  } finally {
    agent.hangUp();
  }
  const { counts, refusal, goAway, finished } = agent.heard;
  const gaps = counts?.gaps ?? 0;
  const trouble = finished
    ? gaps === rounds - 1
      ? undefined
      : `${gaps} gaps instead of ${rounds - 1}`
    : (refusal?.sentence ?? goAway ?? 'the call broke');
  return { rounds, counted: counts?.in ?? 0, trouble };
}
