/** An agent's process that is killed, as a container's is, with a real camera: the next one continues its session. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CounterCall, FromAgent } from '#proto/wire/protocol.ts';
import { ended, RtspServer, withoutRtspServer } from '../../hack/machine/rtsp-server.ts';
import { until } from '../../hack/machine/until.ts';
import { closed, counter } from './fixtures/counter.ts';

const CLIP = new URL('../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const READING_AGAIN_SECONDS = 5;

type Message<K extends FromAgent['kind']> = Extract<FromAgent, { kind: K }>['value'];

interface Agent {
  readonly child: ChildProcess;
  /** A gauge of its own; 0 until it answers. */
  gauge(name: 'access_units' | 'camera_connects'): Promise<number>;
}

function start(context: TestContext, directory: string, url: string, counters: string[]): Agent {
  const config = {
    stream: { namespace: 'default', name: 'door', uid: 'u' },
    source: { url },
    buffer: { seconds: 60, megabytes: 20 },
    ring: { directory },
    counters,
    site: { host: '127.0.0.1', port: 0 },
    logLevel: 'silent',
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, FOOTFALL_AGENT: JSON.stringify(config) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  context.after(() => ended(child));
  let port: number | undefined;
  child.on('message', ({ site }: { site?: number }) => (port ??= site));
  const gauge: Agent['gauge'] = async (name) => {
    if (port === undefined) return 0;
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^footfall_agent_${name} (\\d+)`, 'm').exec(page)?.[1] ?? 0);
  };
  return { child, gauge };
}

/** What a counter received in one call. */
interface Heard {
  hello?: Message<'hello'>;
  checkpoint?: string;
  readonly units: Message<'accessUnit'>[];
  readonly gaps: Message<'gap'>[];
}

/** Gives credit for so many access units, stores a checkpoint where they end, and then only receives. */
async function count(call: CounterCall, heard: Heard, credit: number): Promise<void> {
  for await (const message of call.messages) {
    if (message.kind === 'hello') {
      heard.hello = message.value;
      await call.send({ welcome: { term: message.value.lastTerm + 1, position: 0 } });
      await call.send({ credit: { accessUnits: credit, bytes: 1e9 } });
    } else if (message.kind === 'resume') {
      heard.checkpoint = message.value.checkpoint.toString();
    } else if (message.kind === 'gap') {
      heard.gaps.push(message.value);
    } else if (message.kind === 'accessUnit') {
      heard.units.push(message.value);
      const { number, presentationMicros } = message.value;
      if (heard.units.length === credit)
        await call.send({ storeCheckpoint: { serial: 1, position: number, presentationMicros, checkpoint: Buffer.from(`at ${number}`) } });
    }
  }
}

test(
  'an agent that is killed reads again within 5 s, has lost no access unit that it had read, and declares the time between',
  { skip: withoutRtspServer(), timeout: 60_000 },
  async (context) => {
    const server = await RtspServer.start();
    const directory = mkdtempSync(join(tmpdir(), 'footfall-restart-'));
    context.after(async () => {
      await server.stop();
      rmSync(directory, { recursive: true });
    });
    // Keyframes every second: what is replayed begins between the first picture and the last.
    await server.publish(CLIP, {
      coding: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=640:-2'],
    });
    const credits = [25, 10_000];
    const calls: Heard[] = [];
    const { address } = await counter(context, async (call) => {
      const heard: Heard = { units: [], gaps: [] };
      calls.push(heard);
      await count(call, heard, credits.shift() ?? 0);
      await closed(call);
    });

    const first = start(context, directory, server.url(), [address]);
    let read = 0;
    // The counter has some, and the ring has more.
    await until(async () => (read = await first.gauge('access_units')) > 45);
    await ended(first.child);
    const killedAt = performance.now();

    const second = start(context, directory, server.url(), [address]);
    let readAgainSeconds = 0;
    await until(async () => {
      if (readAgainSeconds === 0 && (await second.gauge('camera_connects')) > 0) readAgainSeconds = (performance.now() - killedAt) / 1000;
      return readAgainSeconds > 0 && calls[1] !== undefined && calls[1].gaps.length > 0 && calls[1].units.length > 40;
    });
    const [before, after] = calls as [Heard, Heard];
    assert.equal(after.hello?.session, before.hello?.session);
    assert.equal(after.hello?.sessionStartMicros, before.hello?.sessionStartMicros);
    assert.equal(after.hello?.lastTerm, 1);
    assert.equal(after.checkpoint, 'at 25');

    const [gap, ...more] = after.gaps;
    assert.deepEqual(more, []);
    assert.ok(gap!.after >= read, `${gap!.after} of at least ${read} are there`);
    assert.deepEqual([gap!.next, gap!.reason], [gap!.after + 1, 'CAMERA_LOST']);
    const numbers = after.units.map(({ number }) => number);
    assert.ok(after.units[0]!.keyframe && numbers[0]! <= 25);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => numbers[0]! + i),
    );
    assert.ok(after.units.find(({ number }) => number === gap!.next)?.keyframe);
    const times = after.units.map(({ presentationMicros }) => presentationMicros);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );

    const sent = new Map(before.units.map((unit) => [unit.number, unit]));
    const twice = after.units.filter(({ number }) => sent.has(number));
    assert.ok(twice.length > 0);
    for (const unit of twice) assert.deepEqual(unit, sent.get(unit.number));

    const away = (gap!.toMicros - gap!.fromMicros) / 1e6;
    assert.ok(away > 0 && away <= readAgainSeconds + 1, `${away} s are declared, and it took ${readAgainSeconds} s`);
    assert.ok(readAgainSeconds < READING_AGAIN_SECONDS, `reading again took ${readAgainSeconds} s`);
    context.diagnostic(`reading again ${readAgainSeconds.toFixed(2)} s after the kill, ${away.toFixed(2)} s declared`);
  },
);
