/** The product's protocol, with a point before and after each message. See `hooks.ts`. */
import * as product from '#proto/wire/protocol.ts';
import { AGENT_POINTS, COUNTER_POINTS, type Point } from '../points.ts';
import { note, pass, passSent } from './points.ts';

export * from '#proto/wire/protocol.ts';

const POINTS: ReadonlySet<string> = new Set([...COUNTER_POINTS, ...AGENT_POINTS]);

export function serveCounting(
  address: string,
  handler: (call: product.CounterCall) => Promise<void>,
  options?: product.ServingOptions,
): Promise<product.CountingServer> {
  return product.serveCounting(address, (call) => handler({ ...call, ...watched(call) }), options);
}

export function dialCounting(address: string, signal: AbortSignal, secrecy?: product.Secrecy): product.AgentCall {
  const call = product.dialCounting(address, signal, secrecy);
  const send = async (message: product.AgentMessage) => {
    noteSent(message);
    await call.send(message);
  };
  return { ...call, ...watched({ ...call, send, messages: noted(call.messages, address) }) };
}

/** Passes points around messages; heartbeats and credit have none. */
function watched<In extends { kind: string }, Out extends object>(call: product.Call<In, Out>): product.Call<In, Out> {
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

function noteSent({ hello, resume, gap }: product.AgentMessage): void {
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

async function* noted(messages: AsyncIterable<product.FromCounter>, counter: string): AsyncGenerator<product.FromCounter> {
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
