export type CameraReason = string;
/** Why a camera or file gives no (more) video. */
export class CameraFault extends Error {
  override readonly name = 'CameraFault';
  readonly reason: CameraReason;
  readonly badInput: boolean;
  constructor(reason: CameraReason, sentence: string, badInput = false) {
    super(sentence);
    this.reason = reason;
    this.badInput = badInput;
  }
  get sentence(): string { return this.message; }
}
