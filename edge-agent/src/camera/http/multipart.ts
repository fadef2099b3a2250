/**
 * Splits a multipart body (RFC 2046) as cameras send it for MJPEG.
 *
 *   --boundary  header lines, an empty one  ──Content-Length──▶ as many bytes
 *                                           ──none, or wrong──▶ bytes up to the next boundary
 *
 * The boundary is the first line that begins with two dashes: what cameras announce as theirs often has other dashes.
 */
import { isWhole } from './jpeg.ts';

const MAX_HEAD_BYTES = 8 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The body is not what it was announced to be; the message is half a sentence. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
}

/** Yields what each part holds. @param maxBytes of a part. @throws MultipartError */
export async function* readParts(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const reader = new Reader(body);
  let boundary: string | undefined;
  let trustsLengths = true;
  for (;;) {
    const line = await reader.line();
    if (line === undefined) return;
    if (boundary === undefined ? !line.startsWith('--') : !line.startsWith(boundary)) continue;
    boundary ??= line;
    const head = await reader.head();
    if (head === undefined) return;
    const length = Number(/^content-length:\s*(\d+)\s*$/im.exec(head)?.[1] ?? NaN);
    if (length > maxBytes) throw new MultipartError(`it announces a picture of ${length} bytes`);
    let part = trustsLengths && length > 0 ? await reader.take(length) : undefined;
    if (part !== undefined && !isWhole(part)) {
      // It goes on for longer than it says.
      trustsLengths = false;
      part = Buffer.concat([part, (await reader.until(`\n${boundary}`, maxBytes - length)) ?? Buffer.alloc(0)]);
    }
    part ??= await reader.until(`\n${boundary}`, maxBytes);
    if (part === undefined) return;
    yield part;
  }
}

/** Undefined where the body ends first. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Buffer>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** Without its end. */
  async line(): Promise<string | undefined> {
    let end = this.#held.indexOf(NEWLINE);
    for (let from = 0; end < 0; end = this.#held.indexOf(NEWLINE, from)) {
      // Between parts, cameras leave a few bytes.
      if (this.#held.length > MAX_HEAD_BYTES) this.#skip(this.#held.length - 1);
      from = this.#held.length;
      if (!(await this.#more())) return undefined;
    }
    return this.#take(end + 1)
      .toString('latin1')
      .trimEnd();
  }

  /** Lines up to an empty one. */
  async head(): Promise<string | undefined> {
    let head = '';
    for (;;) {
      const line = await this.line();
      if (line === undefined || line === '') return line === undefined ? undefined : head;
      head += `${line}\n`;
      if (head.length > MAX_HEAD_BYTES) throw new MultipartError('the head of a picture has no end');
    }
  }

  async take(length: number): Promise<Buffer | undefined> {
    const chunks = [this.#held];
    let bytes = this.#held.length;
    while (bytes < length) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return undefined;
      chunks.push(value);
      bytes += value.length;
    }
    this.#held = Buffer.concat(chunks);
    return Buffer.from(this.#take(length));
  }

  /** What comes before the text; the line that begins with it comes next. */
  async until(text: string, maxBytes: number): Promise<Buffer | undefined> {
    for (let from = 0; ;) {
      const found = this.#held.indexOf(text, from, 'latin1');
      if (found >= 0) {
        const end = found > 0 && this.#held[found - 1] === RETURN ? found - 1 : found;
        return Buffer.from(this.#take(found + 1)).subarray(0, end);
      }
      if (this.#held.length > maxBytes) throw new MultipartError(`a picture has more than ${maxBytes} bytes`);
      from = Math.max(0, this.#held.length - text.length);
      if (!(await this.#more())) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#held = Buffer.concat([this.#held, value]);
    return true;
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#skip(length);
    return taken;
  }

  #skip(length: number): void {
    this.#held = this.#held.subarray(length);
  }
}
