/** The product's protocol, with a point before and after each message. See `hooks.ts`. */
import * as client from '#proto/wire/client.ts';
import type { AgentCredentials } from '#proto/wire/credentials.ts';
import type { AgentCall, AgentMessage, Call, CounterCall, FromCounter } from '#proto/wire/protocol.ts';
import * as server from '#proto/wire/server.ts';
import { AGENT_POINTS, COUNTER_POINTS, type Point } from '../points.ts';
import { note, pass, passSent } from './points.ts';

const POINTS: ReadonlySet<string> = new Set([...COUNTER_POINTS, ...AGENT_POINTS]);

export function serveCounting(
  address: string,
  handler: (call: CounterCall) => Promise<void>,
  options?: server.ServingOptions,
): Promise<server.CountingServer> {
  return server.serveCounting(address, (call) => handler({ ...call, ...watched(call) }), options);
}

export function dialCounting(address: string, signal: AbortSignal, credentials?: AgentCredentials): AgentCall {
  const call = client.dialCounting(address, signal, credentials);
  const send = async (message: AgentMessage) => {
    noteSent(message);
    await call.send(message);
  };
  return { ...call, ...watched({ ...call, send, messages: noted(call.messages, address) }) };
}

/** Passes points around messages; heartbeats and credit have none. */
function watched<In extends { kind: string }, Out extends object>(call: Call<In, Out>): Call<In, Out> {
  return {
    ...call,
    messages: passOnReceipt(call.messages),
    send: async (message) => {
      const kind = Object.keys(message)[0]!;
      passIfThere(pass, `before ${kind}`);
      await call.send(message);
      passIfThere(passSent, `after ${kind}`);
    },
  };
}

async function* passOnReceipt<In extends { kind: string }>(messages: AsyncIterable<In>): AsyncGenerator<In> {
  for await (const message of messages) {
    passIfThere(pass, `hears ${message.kind}`);
    yield message;
  }
}

function passIfThere(by: (point: Point) => void, name: string): void {
  if (POINTS.has(name)) by(name as Point);
}

function noteSent({ hello, resume, gap }: AgentMessage): void {
  if (hello) {
    const { session, sessionStartMicros, lastTerm } = hello;
    note({ hello: { session: session!, sessionStartMicros: Number(sessionStartMicros), lastTerm: Number(lastTerm) } });
  }
  if (resume) {
    const checkpoint = Buffer.from(resume.checkpoint as Uint8Array);
    const takenMicros = Number(resume.takenMicros);
    note({
      resume:
        checkpoint.length === 0
          ? { takenMicros }
          : { takenMicros, gapNext: (JSON.parse(checkpoint.toString()) as { analysis: { gapNext: number } }).analysis.gapNext },
    });
  }
  if (gap) {
    const { after, next, fromMicros, toMicros, reason } = gap;
    note({
      gap: { after: Number(after), next: Number(next), fromMicros: Number(fromMicros), toMicros: Number(toMicros), reason: String(reason) },
    });
  }
}

async function* noted(messages: AsyncIterable<FromCounter>, counter: string): AsyncGenerator<FromCounter> {
  for await (const message of messages) {
    if (message.kind === 'welcome') {
      note({ welcome: { ...message.value, counter } });
      process.send?.({ welcomed: { term: message.value.term, counter } });
    }
    if (message.kind === 'finished') note({ finished: true });
    if (message.kind === 'goAway') note({ goAway: true });
    if (message.kind === 'refusal') note({ refused: message.value.reason });
    if (message.kind === 'counts') {
      const { position, presentationMicros, term } = message.value;
      note({ counts: { position, presentationMicros, term } });
      process.send?.({ counted: position });
    }
    yield message;
  }
}
