/**
 * Filters what a camera sends over RTSP before ffmpeg reads it: video passes unchanged, answers are checked.
 *
 *   between ──'$'──▶ a packet of video: channel, length, bytes ──▶ between
 *      ├── a letter ──▶ lines, up to an empty one, and as many bytes as they announce ──▶ between
 *      └── anything else ──▶ litter, which is dropped
 *
 * ffmpeg would follow a 3xx answer to any host, and send to any host that an answer to SETUP names as its source: neither
 * reaches it. Bytes that ffmpeg might parse differently are refused.
 *
 * Some cameras leave bytes between their packets. Once a camera has answered, what looks like the beginning of a packet, or of
 * lines, but is none, is litter, too.
 */
const DOLLAR = 0x24;
const PACKET_HEAD_BYTES = 4;
const RTP_VERSION = 2;
/** A packet that only what follows it can prove: larger ones are taken for litter. */
const MAX_UNPROVEN_BYTES = 2048;
const MAX_LINES_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
/** Between two packets. */
const MAX_LITTER_BYTES = 64 * 1024;

const NO_RTSP = 'what answers there does not speak RTSP';

/** How an answer begins, or a request of the camera. */
const BEGINNINGS = ['RTSP/', 'OPTIONS ', 'ANNOUNCE ', 'GET_PARAMETER ', 'SET_PARAMETER ', 'REDIRECT ', 'TEARDOWN ', 'PLAY_NOTIFY '];

/** Ends the connection; its message is half a sentence. */
export class ForbiddenAnswer extends Error {
  override readonly name = 'ForbiddenAnswer';
}

interface Step {
  readonly passed: Buffer;
  readonly taken: number;
}

export class AnswerFilter {
  /** Of packets, since the connection began. */
  videoBytes = 0;
  readonly #source: string;
  readonly #answered: (text: string, body: Buffer) => Buffer;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of a packet still to pass unchecked. */
  #passing = 0;
  #litter = 0;
  #hasAnswered = false;
  /** The channels that the camera has announced, with the types of the packets that came on them. */
  readonly #channels = new Map<number, Set<number>>();

  /**
   * @param source the camera's address: where its video comes from over UDP.
   * @param answered takes the lines and the body of an answer, and returns what ffmpeg is to read of it.
   */
  constructor(source: string, answered: (text: string, body: Buffer) => Buffer) {
    this.#source = source;
    this.#answered = answered;
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
  #step(rest: Buffer): Step | undefined {
    if (this.#passing > 0) {
      const passed = rest.subarray(0, this.#passing);
      this.#passing -= passed.length;
      this.videoBytes += passed.length;
      return { passed, taken: passed.length };
    }
    if (rest[0] === DOLLAR) return this.#packet(rest);
    const beginning = this.#beginsLines(rest);
    if (beginning === 'no') return this.#dropLitter(rest);
    return beginning === 'yes' ? this.#lines(rest) : undefined;
  }

  #packet(rest: Buffer): Step | undefined {
    if (rest.length < PACKET_HEAD_BYTES) return undefined;
    const length = rest.readUInt16BE(2);
    if (length > 0 && rest.length < PACKET_HEAD_BYTES + 2) return undefined;
    if (!this.#isExpected(rest, length)) {
      if (length > MAX_UNPROVEN_BYTES) return this.#dropLitter(rest);
      if (rest.length <= PACKET_HEAD_BYTES + length) return undefined;
      const next = rest.subarray(PACKET_HEAD_BYTES + length);
      if (next[0] !== DOLLAR && this.#beginsLines(next) === 'no') return this.#dropLitter(rest);
    }
    if (length > 1) this.#channels.get(rest[1]!)?.add(rest[5]! & 0x7f);
    this.#passing = length;
    this.#litter = 0;
    return { passed: rest.subarray(0, PACKET_HEAD_BYTES), taken: PACKET_HEAD_BYTES };
  }

  /** Whether the camera has announced such a packet, or has announced none: then it needs no proof. */
  #isExpected(rest: Buffer, length: number): boolean {
    if (this.#channels.size === 0) return true;
    const types = this.#channels.get(rest[1]!);
    if (types === undefined || length < 2 || rest[4]! >> 6 !== RTP_VERSION) return false;
    return types.size === 0 || types.has(rest[5]! & 0x7f);
  }

  #beginsLines(rest: Buffer): 'yes' | 'no' | 'unsure' {
    // What has not answered yet may be something else than a camera, and ffmpeg says so.
    if (!this.#hasAnswered) return rest[0]! >= 0x41 && rest[0]! <= 0x5a ? 'yes' : 'no';
    for (const beginning of BEGINNINGS) {
      const there = rest.toString('latin1', 0, beginning.length);
      if (there === beginning) return 'yes';
      if (beginning.startsWith(there)) return 'unsure';
    }
    return 'no';
  }

  #lines(rest: Buffer): Step | undefined {
    const end = /\n\r*\n/.exec(rest.toString('latin1', 0, MAX_LINES_BYTES));
    if (end === null) {
      if (rest.length >= MAX_LINES_BYTES) throw new ForbiddenAnswer(NO_RTSP);
      return undefined;
    }
    const bodyAt = end.index + end[0].length;
    const text = checkLines(rest.toString('latin1', 0, bodyAt), this.#source);
    const taken = bodyAt + bodyLength(text);
    if (rest.length < taken) return undefined;
    this.#hasAnswered ||= text.startsWith('RTSP/');
    for (const [, first, last] of text.matchAll(/^transport:.*interleaved=(\d+)(?:-(\d+))?/gim))
      for (const channel of [first!, last ?? first!]) this.#channels.set(Number(channel), new Set());
    this.#litter = 0;
    return { passed: this.#answered(text, rest.subarray(bodyAt, taken)), taken };
  }

  #dropLitter(rest: Buffer): Step {
    const until = rest.findIndex((byte, index) => index > 0 && (byte === DOLLAR || (byte >= 0x41 && byte <= 0x5a)));
    const taken = until < 0 ? rest.length : until;
    this.#litter += taken;
    if (this.#litter > MAX_LITTER_BYTES) throw new ForbiddenAnswer(NO_RTSP);
    return { passed: Buffer.alloc(0), taken };
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
