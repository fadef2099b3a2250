/** Splits what ffmpeg sends into requests, which are changed, and packets about its reception, which are not. */
const DOLLAR = 0x24;
const PACKET_HEAD_BYTES = 4;

export class RequestSplitter {
  readonly #change: (request: string) => Buffer;
  #held: Buffer = Buffer.alloc(0);

  /** @param change takes the lines of a request, up to an empty one. */
  constructor(change: (request: string) => Buffer) {
    this.#change = change;
  }

  split(bytes: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, bytes]);
    const whole: Buffer[] = [];
    for (let length = this.#length(); length > 0 && length <= this.#held.length; length = this.#length()) {
      const piece = this.#held.subarray(0, length);
      whole.push(piece[0] === DOLLAR ? piece : this.#change(piece.toString('latin1')));
      this.#held = this.#held.subarray(length);
    }
    return Buffer.concat(whole);
  }

  /** Of what comes next; 0 when it is not known yet. */
  #length(): number {
    if (this.#held[0] !== DOLLAR) {
      const end = this.#held.indexOf('\r\n\r\n');
      return end < 0 ? 0 : end + 4;
    }
    return this.#held.length < PACKET_HEAD_BYTES ? 0 : PACKET_HEAD_BYTES + this.#held.readUInt16BE(2);
  }
}
