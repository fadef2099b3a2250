/**
 * A camera that misbehaves on request: it speaks RTSP itself and plays access units of H.264 in real time, in a loop. Each
 * `Habit` is one that cameras in the field have. `rtsp-server.ts` is the camera that behaves.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccessUnit, isKeyframe, NAL, rtpPackets, typeOf } from './annex-b.ts';
import { Random } from './random.ts';
import { type Login, LoginDesk } from './rtsp-login.ts';

export interface Habits {
  readonly framesPerSecond?: number;
  /** Of the RTP clock, for each picture; those of 90 kHz by default. */
  readonly ticks?: number;
  readonly firstTimestamp?: number;
  /** The access unit that a viewer gets first. */
  readonly from?: number;
  /** The next viewer goes on where the last one left. */
  readonly goesOn?: boolean;
  /** So many pictures at once when a viewer comes. */
  readonly burst?: number;
  /** Each picture is late by chance, by up to so many seconds. */
  readonly jitterSeconds?: number;
  /** After so many pictures: */
  readonly closesAfter?: number;
  readonly silentAfter?: number;
  /** From then on it shows one keyframe again and again. */
  readonly frozenAfter?: number;
  readonly clockJump?: { readonly after: number; readonly seconds: number };
  /** Of the packets, this share is lost; over UDP by the network, over TCP by the camera itself. */
  readonly loss?: number;
  /** Bytes after each packet that belong to nothing: none is a $ or a letter, or they are any bytes. */
  readonly litter?: { readonly bytes: number; readonly anyBytes?: boolean };
  /** Packets of a channel that was not asked for. */
  readonly foreignPackets?: boolean;
  readonly login?: Login;
  /** Refuses each request of the method, for the first so many viewers. */
  readonly refuses?: { readonly method: string; readonly status: string; readonly viewers?: number };
  readonly redirectsTo?: string;
  /** The host and port by which it must be addressed, and no other. */
  readonly knownAs?: string;
  /** The path and query that it must be asked for. */
  readonly path?: string;
  /** SPS and PPS: in the description, in the stream before each keyframe. By default in both. */
  readonly parameterSets?: 'description' | 'stream' | 'both';
  /** What the description lists, in this order. A second video has no pictures. By default only the video. */
  readonly tracks?: readonly ('video' | 'audio' | 'metadata' | 'second video')[];
  readonly senderReports?: boolean;
}

const TRACKS = {
  video: 'm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 FMTP\r\na=control:video\r\n',
  'second video': 'm=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 FMTP\r\na=control:second\r\n',
  audio: 'm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:audio\r\n',
  metadata: 'm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:metadata\r\n',
} as const;

export class RtspCamera {
  /** Request lines, in order. */
  readonly requests: string[] = [];
  viewers = 0;
  /** May be changed while it plays: the next viewer gets it so. */
  habits: Habits;
  readonly #units: readonly AccessUnit[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Of the access unit that comes next. */
  #position = 0;

  private constructor(units: readonly AccessUnit[], habits: Habits) {
    this.#units = units;
    this.habits = habits;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(units: readonly AccessUnit[], habits: Habits = {}): Promise<RtspCamera> {
    const camera = new RtspCamera(units, habits);
    camera.#server.listen(0, '127.0.0.1');
    await once(camera.#server, 'listening');
    return camera;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(path = '/door'): string {
    return `rtsp://${this.host}${path}`;
  }

  /** Cuts every viewer, as a camera that boots again does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }

  #serve(socket: Socket): void {
    this.viewers += 1;
    const gone = new AbortController();
    this.#sockets.add(socket);
    socket
      .setNoDelay()
      .on('error', () => undefined)
      .on('close', () => {
        this.#sockets.delete(socket);
        gone.abort();
      });
    const viewer = new Viewer(this.habits, this.viewers, this.#description());
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        // What a viewer reports of its reception comes before, and holds no such end in these tests.
        const request = received.slice(Math.max(0, received.search(/[A-Z_]{4,} \S+ RTSP/)), end);
        received = received.slice(end + 4);
        this.requests.push(request.split('\r\n')[0]!);
        const { answer, plays, ends } = viewer.answer(request);
        socket.write(answer);
        if (ends === true) socket.end();
        if (plays === true) this.#play(socket, viewer, gone.signal).catch(() => undefined);
      }
    });
  }

  #description(): string {
    const { parameterSets = 'both', tracks = ['video'] } = this.habits;
    const [sps, pps] = [NAL.sps, NAL.pps].map((type) => this.#units.flat().find((nal) => typeOf(nal) === type)!);
    const sets = [sps!, pps!].map((nal) => nal.toString('base64')).join(',');
    const fmtp = `packetization-mode=1${parameterSets === 'stream' ? '' : `;sprop-parameter-sets=${sets}`}`;
    const head = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n';
    return head + tracks.map((track) => TRACKS[track].replace('FMTP', fmtp)).join('');
  }

  async #play(socket: Socket, viewer: Viewer, signal: AbortSignal): Promise<void> {
    const { habits } = this;
    const { framesPerSecond = 10, firstTimestamp = 1000, burst = 0, jitterSeconds = 0, frozenAfter = Infinity } = habits;
    const random = new Random(7);
    const send = viewer.sender(socket, random);
    const startedAt = performance.now();
    let [timestamp, sequence] = [firstTimestamp, 1];
    if (habits.goesOn !== true) this.#position = habits.from ?? 0;
    for (let count = 0; !signal.aborted; count += 1) {
      if (count === habits.closesAfter) return void socket.end();
      if (count === habits.silentAfter) return;
      if (count === habits.clockJump?.after) timestamp += habits.clockJump.seconds * 90_000;
      const unit = count < frozenAfter ? this.#units[this.#position % this.#units.length]! : this.#units.find(isKeyframe)!;
      const inStream = habits.parameterSets === 'description' ? unit.filter((nal) => typeOf(nal) < NAL.sps) : unit;
      const packets = rtpPackets(inStream, timestamp, sequence);
      sequence += packets.length;
      await send(packets, { timestamp, count });
      timestamp += habits.ticks ?? 90_000 / framesPerSecond;
      this.#position += 1;
      const dueAt = startedAt + (Math.max(0, count + 1 - burst) * 1000) / framesPerSecond + random.between(0, jitterSeconds * 1000);
      await sleep(Math.max(0, dueAt - performance.now()), undefined, { signal });
    }
  }
}

/** One connection. */
class Viewer {
  readonly #habits: Habits;
  readonly #number: number;
  readonly #description: string;
  readonly #desk: LoginDesk | undefined;
  /** Over TCP. */
  #channel = 0;
  /** Over UDP: the viewer's port. */
  #port: number | undefined;

  constructor(habits: Habits, number: number, description: string) {
    this.#habits = habits;
    this.#number = number;
    this.#description = description;
    this.#desk = habits.login && new LoginDesk(habits.login, habits.knownAs);
  }

  answer(request: string): { answer: string; plays?: boolean; ends?: boolean } {
    const { refuses, redirectsTo, knownAs, path } = this.#habits;
    const [, method = '', url = ''] = /^(\S+) (\S+)/.exec(request) ?? [];
    const cseq = /^CSeq: *(\d+)/im.exec(request)?.[1] ?? '0';
    const say = (status: string, lines: readonly string[] = [], body = '') => ({
      answer: [`RTSP/1.0 ${status}`, `CSeq: ${cseq}`, ...lines, ...(body ? [`Content-Length: ${body.length}`] : []), '', body].join('\r\n'),
    });
    const challenges = method === 'OPTIONS' ? [] : (this.#desk?.challenges(method, /^Authorization: *(.*)$/im.exec(request)?.[1]) ?? []);
    if (challenges.length > 0) return say('401 Unauthorized', challenges);
    if (refuses?.method === method && this.#number <= (refuses.viewers ?? Infinity)) return say(refuses.status);
    if (knownAs !== undefined && new URL(url).host !== knownAs) return say('404 Not Found');
    if (path !== undefined && !url.includes(path)) return say('404 Not Found');
    switch (method) {
      case 'DESCRIBE':
        if (redirectsTo !== undefined) return say('302 Moved Temporarily', [`Location: ${redirectsTo}`]);
        return say('200 OK', [`Content-Base: ${url}/`, 'Content-Type: application/sdp'], this.#description);
      case 'SETUP':
        return say('200 OK', ['Session: 4711;timeout=60', this.#transport(url, request)]);
      case 'PLAY':
        return { ...say('200 OK', ['Session: 4711', 'Range: npt=0.000-']), plays: true };
      case 'TEARDOWN':
        return { ...say('200 OK'), ends: true };
      default:
        return say('200 OK', ['Public: OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER']);
    }
  }

  /** Sends packets to the viewer in the way that it asked for. */
  sender(socket: Socket, random: Random) {
    const { loss = 0, litter, foreignPackets, senderReports, framesPerSecond = 10 } = this.#habits;
    const datagrams = this.#port === undefined ? undefined : createSocket('udp4');
    socket.on('close', () => datagrams?.close());
    return async (packets: readonly Buffer[], { timestamp, count }: { timestamp: number; count: number }): Promise<void> => {
      const kept = packets.filter(() => random.fraction() >= loss);
      if (datagrams !== undefined) return kept.forEach((packet) => datagrams.send(packet, this.#port, '127.0.0.1'));
      const pieces = kept.flatMap((packet) => [
        interleaved(this.#channel, packet),
        ...(litter ? [Buffer.from(Array.from({ length: litter.bytes }, () => litterByte(litter.anyBytes, random)))] : []),
        ...(foreignPackets ? [interleaved(this.#channel + 2, Buffer.alloc(8))] : []),
      ]);
      if (senderReports && count % Math.round(2 * framesPerSecond) === 0)
        pieces.push(interleaved(this.#channel + 1, senderReport(timestamp, count)));
      if (!socket.write(Buffer.concat(pieces))) await once(socket, 'drain');
    };
  }

  #transport(url: string, request: string): string {
    const [, channel] = /interleaved=(\d+)/.exec(request) ?? [];
    const [, port] = /client_port=(\d+)/.exec(request) ?? [];
    const isVideo = url.endsWith('/video');
    if (port !== undefined) {
      if (isVideo) this.#port = Number(port);
      return `Transport: RTP/AVP;unicast;client_port=${port}-${Number(port) + 1};server_port=6000-6001`;
    }
    if (isVideo) this.#channel = Number(channel);
    return `Transport: RTP/AVP/TCP;unicast;interleaved=${channel}-${Number(channel) + 1}`;
  }
}

function interleaved(channel: number, packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x24, channel, packet.length >> 8, packet.length & 0xff]), packet]);
}

function litterByte(anyByte: boolean | undefined, random: Random): number {
  return anyByte === true ? random.whole(0, 0xff) : random.whole(0x80, 0xef);
}

/** https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1 */
function senderReport(timestamp: number, count: number): Buffer {
  const report = Buffer.alloc(28);
  const seconds = Date.now() / 1000 + 2_208_988_800;
  report.writeUInt32BE(0x80c80006, 0);
  report.writeUInt32BE(0x1234, 4);
  report.writeUInt32BE(Math.floor(seconds), 8);
  report.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 12);
  report.writeUInt32BE(Number(BigInt.asUintN(32, BigInt(Math.round(timestamp)))), 16);
  report.writeUInt32BE(count, 20);
  return report;
}
