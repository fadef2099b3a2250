/**
 * Filters what a camera sends over RTSP before ffmpeg reads it: video passes unchanged, answers are checked.
 *
 *   between ──'$'──▶ a packet of video: channel, length, bytes ──▶ between
 *      └── a letter ──▶ lines, up to an empty one ──▶ as many bytes as they announce ──▶ between
 *
 * ffmpeg would follow a 3xx answer to any host, and send to any host that an answer to SETUP names as its source: neither
 * reaches it. Bytes that ffmpeg might parse differently are refused. What is neither video nor an answer is dropped.
 */
const DOLLAR = 0x24;
const PACKET_HEAD_BYTES = 4;
const MAX_LINES_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
/** Between packets: some cameras leave a few bytes there. */
const MAX_LITTER_BYTES = 64 * 1024;

const NO_RTSP = 'what answers there does not speak RTSP';

/** Ends the connection; its message is half a sentence. */
export class ForbiddenAnswer extends Error {
  override readonly name = 'ForbiddenAnswer';
}

export class AnswerFilter {
  readonly #source: string;
  #held = Buffer.alloc(0);
  /** Bytes still to pass unchecked: of a packet, or of an answer's body. */
  #passing = 0;
  #litter = 0;

  /** @param source the camera's address: where its video comes from over UDP. */
  constructor(source: string) {
    this.#source = source;
  }

  /** Returns what ffmpeg may read now. @throws ForbiddenAnswer */
  filter(bytes: Buffer): Buffer {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    const passed: Buffer[] = [];
    while (rest.length > 0) {
      const step = this.#step(rest);
      if (step === undefined) {
        this.#held = Buffer.from(rest);
        break;
      }
      passed.push(step.passed);
      rest = rest.subarray(step.taken);
    }
    return passed.length === 1 ? passed[0]! : Buffer.concat(passed);
  }

  /** Undefined when more bytes must come first. */
  #step(rest: Buffer): { passed: Buffer; taken: number } | undefined {
    if (this.#passing > 0) {
      const passed = rest.subarray(0, this.#passing);
      this.#passing -= passed.length;
      return { passed, taken: passed.length };
    }
    const first = rest[0]!;
    if (first === DOLLAR) {
      if (rest.length < PACKET_HEAD_BYTES) return undefined;
      this.#passing = rest.readUInt16BE(2);
      return { passed: rest.subarray(0, PACKET_HEAD_BYTES), taken: PACKET_HEAD_BYTES };
    }
    if (first < 0x41 || first > 0x5a) return { passed: Buffer.alloc(0), taken: this.#dropLitter(rest) };
    const end = /\n\r*\n/.exec(rest.toString('latin1', 0, MAX_LINES_BYTES));
    if (end === null) {
      if (rest.length >= MAX_LINES_BYTES) throw new ForbiddenAnswer(NO_RTSP);
      return undefined;
    }
    const taken = end.index + end[0].length;
    const text = checkLines(rest.toString('latin1', 0, taken), this.#source);
    this.#passing = bodyLength(text);
    return { passed: Buffer.from(text, 'latin1'), taken };
  }

  #dropLitter(rest: Buffer): number {
    const until = rest.findIndex((byte) => byte === DOLLAR || (byte >= 0x41 && byte <= 0x5a));
    const bytes = until < 0 ? rest.length : until;
    this.#litter += bytes;
    if (this.#litter > MAX_LITTER_BYTES) throw new ForbiddenAnswer(NO_RTSP);
    return bytes;
  }
}

/** The lines of an answer or a request as ffmpeg may read them. ffmpeg ignores carriage returns, so the check does, too. */
function checkLines(text: string, source: string): string {
  const lines = text.replaceAll('\r', '').split('\n');
  const [first = ''] = lines;
  // ffmpeg takes such a line for a packet.
  if (lines.some((line) => line.startsWith('$'))) throw new ForbiddenAnswer(NO_RTSP);
  if (first.startsWith('RTSP/')) {
    const status = /^RTSP\/1\.\d (\d)\d\d( |$)/.exec(first)?.[1];
    if (status === undefined) throw new ForbiddenAnswer(NO_RTSP);
    if (status === '3')
      throw new ForbiddenAnswer('the camera sends its viewers to another address, which is not followed; name that address in source.url');
  }
  return lines.map((line) => (/^transport:/i.test(line) ? withSource(line, source) : line)).join('\r\n');
}

/** Over UDP, only the camera may be the video's source. */
function withSource(transport: string, source: string): string {
  const kept = transport.replaceAll(/;\s*(source|destination)\s*=[^;,]*/gi, '');
  return /\bTCP\b/i.test(kept) ? kept : `${kept};source=${source}`;
}

function bodyLength(text: string): number {
  const lengths = [...text.matchAll(/\ncontent-length:[ \t]*([^\r\n]*)/gi)].map(([, value]) => value!.trim());
  if (lengths.length === 0) return 0;
  const bytes = lengths.length === 1 && /^\d{1,6}$/.test(lengths[0]!) ? Number(lengths[0]) : Infinity;
  if (bytes > MAX_BODY_BYTES) throw new ForbiddenAnswer(NO_RTSP);
  return bytes;
}
