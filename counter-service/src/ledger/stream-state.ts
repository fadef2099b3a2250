/**
 * How a stream is doing, as its resource shows it:
 *
 *   Starting ──first frame──▶ Counting ──the camera is silent──▶ Interrupted ──next frame after it is back──▶ Counting
 *
 * and at the end one of Ended, Disconnected, Refused. A stream that was refused begins with that, until a frame is counted.
 */
import { scrub } from '#proto/process/scrub.ts';
import type { RefusalReason } from '#proto/wire/protocol.ts';
import type { StreamReport, LedgerWriter } from './ledger.ts';

/** As long as the status takes. */
const MOST_CHARACTERS = 1024;
const ONE_WORD = /^[A-Za-z]([A-Za-z0-9_,:]{0,126}[A-Za-z0-9_])?$/;

export interface CameraReport {
  readonly connected: boolean;
  readonly reason: string;
  readonly sentence: string;
}

export class StreamStateReporter {
  readonly #tenure: Pick<LedgerWriter, 'report'>;
  #generation: number | undefined;
  /** Until another one is told, the status says what the claim wrote: this, or why the stream was refused before. */
  #report: StreamReport = { state: 'Starting' };
  /** A file says nothing of a camera, and has one that is always there. */
  #connected = true;

  /** @param generation of the spec by which the stream is counted. */
  constructor(tenure: Pick<LedgerWriter, 'report'>, generation: number | undefined) {
    this.#tenure = tenure;
    this.#generation = generation;
  }

  observes(generation: number | undefined): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#tell(this.#report);
  }

  camera({ connected, reason, sentence }: CameraReport): void {
    this.#connected = connected;
    // Before its first try has ended there is nothing to tell.
    if (!connected && reason !== '') this.#tell(reportOf('Interrupted', ONE_WORD.test(reason) ? reason : 'CameraLost', sentence));
  }

  /** A frame was counted. What was on its way when the camera went is no sign that it is back. */
  counted(): void {
    if (this.#connected && this.#report.state !== 'Counting') this.#tell({ state: 'Counting' });
  }

  ended(state: 'Ended' | 'Disconnected', reason?: string, sentence?: string): void {
    this.#tell(reason === undefined ? { state } : reportOf(state, reason, sentence ?? ''));
  }

  refused(reason: keyof typeof RefusalReason, sentence: string): void {
    this.#tell(refusalReport(reason, sentence));
  }

  #tell(report: StreamReport): void {
    this.#report = report;
    this.#tenure.report({ ...report, ...(this.#generation !== undefined && { observedGeneration: this.#generation }) });
  }
}

/** A refusal as the status has it. */
export function refusalReport(reason: keyof typeof RefusalReason, sentence: string): StreamReport {
  return reportOf('Refused', reason === 'UNDECODABLE' ? 'UnsupportedCodec' : inOneWord(reason), sentence);
}

function reportOf(state: StreamReport['state'], reason: string, sentence: string): StreamReport {
  const message = scrub(sentence).slice(0, MOST_CHARACTERS);
  return { state, reason, ...(message !== '' && { message }) };
}

/** As Kubernetes writes reasons: CAMERA_LOST is CameraLost. */
export function inOneWord(reason: string): string {
  return reason.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
