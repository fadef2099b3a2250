/** Attacks by name. Each opens connections of its own, again and again. */
import { randomBytes } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { callRaw, connectRaw, connectSession, framed, openRaw } from '../../counter-service/src/fixtures/raw-caller.ts';
import { type Heard, PlayedAgent, type PlayedHello } from '../../counter-service/src/fixtures/played-agent.ts';
import { type Clip, CLIP_UNITS } from '../../counter-service/src/fixtures/clip.ts';
import { asBuffer, codecToMessage } from '#proto/wire/codec.ts';
import type { AgentMessage, StreamName } from '#proto/wire/protocol.ts';
import { pause } from '#proto/process/backoff.ts';

/** What an attack is given. */
export interface Target {
  readonly port: number;
  /** The source address of the attack's connections. */
  readonly address: string;
  readonly clip: Clip;
  /** A stream for which the hostile agent may send. */
  readonly own: StreamName;
  /** Called for each refusal that the counter sends. */
  readonly onRefusal: () => void;
}

export type Attack = (target: Target, signal: AbortSignal) => Promise<unknown>;

const MEBIBYTE = 2 ** 20;

async function withSession({ port, address }: Target, work: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connectSession(port, address);
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  try {
    await Promise.race([work(session), closed]);
  } finally {
    session.destroy();
  }
}

interface AgentOptions {
  readonly codec?: object;
  readonly checkpoint?: Buffer;
  readonly hello?: PlayedHello;
  /** Sends access units only as its credit allows. */
  readonly paced?: boolean;
}

/** Sends a legal Hello and Resume for a stream of its own, and then these messages. @returns what it received. */
async function asAgent(
  { port, own, clip, onRefusal }: Target,
  signal: AbortSignal,
  messages: readonly AgentMessage[],
  options: AgentOptions = {},
): Promise<Heard> {
  const { codec, checkpoint = Buffer.alloc(0), hello = { session: newSession() }, paced = false } = options;
  const agent = new PlayedAgent(port, own, hello);
  const { heard } = agent;
  try {
    await agent.until(({ welcome, over }) => welcome !== undefined || over || signal.aborted);
    await agent.tell({ resume: { checkpoint, codec: { ...codecToMessage(clip.codec), ...codec } } });
    let [count, bytes] = [0, 0];
    for (const message of messages) {
      if (paced) await agent.until(({ credit, creditBytes, over }) => (count < credit && bytes < creditBytes) || over || signal.aborted, 3);
      if (heard.over || signal.aborted) break;
      count += 1;
      bytes += message.accessUnit?.data?.length ?? 0;
      await agent.tell(message);
    }
    await Promise.race([agent.until(({ over }) => over || signal.aborted), pause(3, signal)]);
    if (heard.refusal !== undefined) onRefusal();
  } catch {
    // The counter cut the call, or did not answer in time.
  } finally {
    agent.hangUp();
  }
  return heard;
}

function newSession(): string {
  return `hostile-${Math.random().toString(36).slice(2)}`;
}

function units({ clip }: Target, count: number, change: (data: Buffer) => Buffer = (data) => data): AgentMessage[] {
  return clip.units
    .slice(0, count)
    .map((unit, index) => ({ accessUnit: { ...unit, number: index + 1, data: change(asBuffer(unit.data)) } }));
}

function damage(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  for (let flips = 0; flips < 8; flips += 1) copy[Math.floor(Math.random() * copy.length)]! ^= 1 << Math.floor(Math.random() * 8);
  return copy;
}

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'silent connections': async ({ port, address }, signal) => {
    const sockets = Array.from({ length: 50 }, () => connectRaw(port, address).resume());
    await pause(2, signal);
    for (const socket of sockets) socket.destroy();
  },
  'bytes that are not HTTP/2': async ({ port, address }) => {
    const socket = connectRaw(port, address).resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(randomBytes(64 * 1024));
    await closed;
  },
  'messages that are not protobuf': (target) =>
    withSession(target, async (session) => {
      for (let call = 0; call < 20; call += 1) if ((await callRaw(session, [randomBytes(200)])).length > 0) target.onRefusal();
    }),
  'megabytes before a hello': (target) =>
    withSession(target, async (session) => {
      const streams = Array.from({ length: 4 }, () => openRaw(session, []).resume());
      for (const stream of streams) stream.write(framed(Buffer.alloc(16 * MEBIBYTE - 1, 0x1a), 16 * MEBIBYTE));
      await new Promise((resolve) => session.once('close', resolve));
    }),
  'oversized messages and headers': (target) =>
    withSession(target, async (session) => {
      const stream = openRaw(session, []).resume();
      stream.write(framed(Buffer.alloc(10), 2 ** 32 - 1));
      await callRaw(session, [], { 'x-long': 'x'.repeat(200_000) });
    }),
  'calls opened and reset': (target) =>
    withSession(target, async (session) => {
      for (let call = 0; call < 500 && !session.destroyed; call += 1) {
        openRaw(session, []).close(8);
        if (call % 50 === 0) await new Promise(setImmediate);
      }
    }),
  'access units beyond the credit': (target, signal) => asAgent(target, signal, units(target, 150)),
  'access units of megabytes': (target, signal) =>
    asAgent(
      target,
      signal,
      units(target, 4, () => randomBytes(6 * MEBIBYTE)),
    ),
  'damaged video': (target, signal) => asAgent(target, signal, units(target, 60, damage)),
  'gaps without end': (target, signal) =>
    asAgent(
      target,
      signal,
      Array.from({ length: 2000 }, () => ({ gap: { after: 0, next: 1, fromMicros: 0, toMicros: 0, reason: 'CAMERA_LOST' as const } })),
    ),
  'gigantic pictures': (target, signal) => asAgent(target, signal, [], { codec: { width: 65_535, height: 65_535 } }),
  'megabytes without a picture': (target, signal) => {
    const data = Buffer.alloc(MEBIBYTE);
    return asAgent(
      target,
      signal,
      units(target, 64, () => data),
      { paced: true },
    );
  },
  'a checkpoint from the far future': async (target, signal) => {
    const session = newSession();
    const { checkpoint, welcome } = await asAgent(
      target,
      signal,
      [...units(target, 30), { endOfStream: { lastNumber: 30, paused: true } }],
      {
        hello: { session },
      },
    );
    if (checkpoint === undefined) return;
    const later = farFuture(checkpoint);
    await asAgent(target, signal, units(target, CLIP_UNITS), {
      paced: true,
      checkpoint: later,
      hello: { session, lastTerm: welcome!.term },
    });
  },
};

function farFuture(checkpoint: Buffer): Buffer {
  const content = JSON.parse(checkpoint.toString()) as { analysis: object };
  return Buffer.from(JSON.stringify({ ...content, analysis: { ...content.analysis, presentationMicros: 1e15 } }));
}
