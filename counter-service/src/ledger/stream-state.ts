/**
 * The state of a stream, as its resource shows it:
 *
 *   Starting ──first frame──▶ Counting ──camera silent──▶ Interrupted ──first frame after the camera is back──▶ Counting
 *
 * and at the end one of Ended, Disconnected, Refused. A stream that was refused stays Refused until a frame is counted.
 */
import { reason as statusReason } from '#crds/fields.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { RefusalReason } from '#proto/wire/protocol.ts';
import type { StreamReport, LedgerWriter } from './ledger.ts';

/** The longest message that the status takes. */
const MOST_CHARACTERS = 1024;
const reasonField = statusReason();

export interface CameraReport {
  readonly connected: boolean;
  readonly reason: string;
  readonly sentence: string;
}

export class StreamStateReporter {
  readonly #writer: Pick<LedgerWriter, 'report'>;
  #generation: number | undefined;
  /** Until the first report the status shows what the claim wrote: Starting, or an earlier refusal. */
  #latest: StreamReport = { state: 'Starting' };
  /** How it is counted: with what is to be known of a camera that is connected. */
  #counting: StreamReport = { state: 'Counting' };
  /** The agent of a file never reports a camera. */
  #connected = true;

  /** @param generation of the spec by which the stream is counted. */
  constructor(writer: Pick<LedgerWriter, 'report'>, generation: number | undefined) {
    this.#writer = writer;
    this.#generation = generation;
  }

  adoptGeneration(generation: number | undefined): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#report(this.#latest);
  }

  reportCamera({ connected, reason, sentence }: CameraReport): void {
    this.#connected = connected;
    const report = reportOf('Interrupted', reasonField.safeParse(reason).success ? reason : 'CameraLost', sentence);
    this.#counting = connected && reason !== '' ? { ...report, state: 'Counting' } : { state: 'Counting' };
    if (connected) {
      if (this.#latest.state === 'Counting' && this.#latest.reason !== this.#counting.reason) this.#report(this.#counting);
    } else if (reason !== '') {
      // Without a reason, the agent's first attempt to reach its camera has not ended yet.
      this.#report(report);
    }
  }

  /** A frame was counted. While the camera is away it is a late frame, and does not mean that the camera is back. */
  reportFrame(): void {
    if (this.#connected && this.#latest.state !== 'Counting') this.#report(this.#counting);
  }

  reportEnd(state: 'Ended' | 'Disconnected', reason?: string, sentence?: string): void {
    this.#report(reason === undefined ? { state } : reportOf(state, reason, sentence ?? ''));
  }

  reportRefusal(reason: keyof typeof RefusalReason, sentence: string): void {
    this.#report(refusalReport(reason, sentence));
  }

  #report(report: StreamReport): void {
    this.#latest = report;
    this.#writer.report({ ...report, ...(this.#generation !== undefined && { observedGeneration: this.#generation }) });
  }
}

/** A refusal in the form of the status. */
export function refusalReport(reason: keyof typeof RefusalReason, sentence: string): StreamReport {
  return reportOf('Refused', reason === 'UNDECODABLE' ? 'UnsupportedCodec' : pascalCase(reason), sentence);
}

function reportOf(state: StreamReport['state'], reason: string, sentence: string): StreamReport {
  const message = scrub(sentence).slice(0, MOST_CHARACTERS);
  return { state, reason, ...(message !== '' && { message }) };
}

/** CAMERA_LOST becomes CameraLost, the form of reasons in Kubernetes. */
export function pascalCase(reason: string): string {
  return reason.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
