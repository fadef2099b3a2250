/**
 * A counter as an agent meets it: real gRPC on loopback, real ffmpeg, a real model, the folder ledger. The agent is
 * played by the test, so that it can break off, resume and misbehave where a real one would not.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CameraStreamSpec } from '#crds/schema.ts';
import { createLog } from '#proto/process/log.ts';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { dialCounting } from '#proto/wire/client.ts';
import { asBuffer, codecToMessage } from '#proto/wire/codec.ts';
import { sendHeartbeats } from '#proto/wire/heartbeat.ts';
import type { AgentCall, CountsMessage } from '#proto/wire/protocol.ts';
import { type CountingServer, serveCounting } from '#proto/wire/server.ts';
import { Slots } from './call/admission.ts';
import { makeModels } from '../../hack/trials/model.ts';
import { DetectorPool } from './detection/detector-pool.ts';
import type { DetectionResult } from './detection/detector.ts';
import { CLIP_UNITS, clipPath, entrance, readClip } from './fixtures/clip.ts';
import { EventsFile } from './events/file.ts';
import { detectsOnce } from './fixtures/detects-once.ts';
import { FolderLedger } from './ledger/folder.ts';
import { streamMetrics } from './metrics.ts';
import { FixedSpecs } from './specs/specs.ts';
import { type CounterService, serveStream } from './stream.ts';

const spec = CameraStreamSpec.parse({ source: { url: clipPath }, lines: [entrance] });
const log = createLog('counter-service', 'silent');
/** A session that saw nothing of what one that began at 0 has seen. */
const LATER_MICROS = 3600e6;

const scratch = await mkdtemp(join(tmpdir(), 'footfall-stream-models-'));
const pools = { shipped: poolOf(fileURLToPath(new URL('../../models', import.meta.url))), small: poolOf(await makeModels(scratch)) };
const detected = new Map<string, Promise<DetectionResult>>();
const detectors: Record<keyof typeof pools, CounterService['detector']> = {
  shipped: (model) => pools.shipped.of(model),
  /** With a quarter of its pixels, and each picture of the clip detected once. */
  small: async (model) => detectsOnce(await pools.small.of(model), detected),
};

let codec: Codec;
let units: readonly AccessUnit[];

before(async () => {
  ({ codec, units } = await readClip());
});
after(async () => {
  await Promise.all(Object.values(pools).map((pool) => pool.stop()));
  await rm(scratch, { recursive: true });
});

function poolOf(modelsDirectory: string): DetectorPool {
  return new DetectorPool({ provider: 'cpu', workers: 2, maxBatch: 1, modelsDirectory, metrics: createMetrics(), log });
}

interface Counter {
  readonly ledger: FolderLedger;
  readonly server: CountingServer;
  readonly drain: AbortController;
  /** The events, as they are delivered. */
  readonly crossings: () => Promise<string>;
}

async function withCounter(run: (counter: Counter) => Promise<void>, detector = detectors.small): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-stream-'));
  const drain = new AbortController();
  const ledger = new FolderLedger(folder);
  const server = await serve({ ledger, detector, draining: drain.signal, receivers: [new EventsFile(join(folder, 'events.jsonl'))] });
  try {
    await run({ ledger, server, drain, crossings: () => readFile(join(folder, 'events.jsonl'), 'utf8') });
  } finally {
    await server.stop(100);
    await rm(folder, { recursive: true });
  }
}

function serve(own: Pick<CounterService, 'ledger' | 'detector' | 'draining' | 'receivers'>): Promise<CountingServer> {
  const service: CounterService = {
    ...own,
    specs: new FixedSpecs(new Map([['default/door', spec]])),
    slots: new Slots(2),
    metrics: streamMetrics(createMetrics()),
    log,
  };
  return serveCounting('127.0.0.1:0', (call) => serveStream(call, service));
}

interface Played {
  readonly counts: CountsMessage | undefined;
  readonly checkpoints: { position: number; presentationMicros: number; state: Buffer }[];
  readonly finished: boolean;
  readonly refusal: { reason: string; sentence: string } | undefined;
  readonly welcome: { term: number; position: number } | undefined;
}

interface Script {
  readonly session?: string;
  readonly sessionStartMicros?: number;
  readonly lastTerm?: number;
  readonly name?: string;
  readonly checkpoint?: { position: number; presentationMicros: number; state: Buffer };
  /** Breaks the call off once this many checkpoints were stored. */
  readonly breakAfterCheckpoints?: number;
  readonly numbers?: (index: number) => number;
  readonly onCounts?: () => void;
}

const door = { namespace: 'default', name: 'door', uid: 'uid-door' };

/** An agent that sends the clip from the keyframe before its checkpoint, as credit allows. */
async function play({ server }: Counter, script: Script = {}): Promise<Played> {
  const stop = new AbortController();
  const call = dialCounting(`127.0.0.1:${server.port}`, stop.signal);
  const played = { counts: undefined, checkpoints: [], finished: false, refusal: undefined, welcome: undefined } as {
    -readonly [K in keyof Played]: Played[K];
  };
  let credit = 0;
  let wake: () => void = () => undefined;
  const stream = { ...door, name: script.name ?? door.name };
  await call.send({
    hello: { stream, session: script.session ?? 's1', lastTerm: script.lastTerm ?? 0, sessionStartMicros: script.sessionStartMicros ?? 0 },
  });
  // On a busy machine it may wait for credit longer than an agent may be silent.
  void sendHeartbeats(call, stop.signal);
  try {
    for await (const message of call.messages) {
      if (message.kind === 'welcome') {
        played.welcome = message.value;
        await call.send({ resume: { checkpoint: script.checkpoint?.state ?? Buffer.alloc(0), codec: codecToMessage(codec) } });
        void sendUnits(
          call,
          script,
          () => credit,
          (notify) => (wake = notify),
        ).catch(() => undefined);
      } else if (message.kind === 'credit') {
        credit = message.value.accessUnits;
        wake();
      } else if (message.kind === 'counts') {
        played.counts = message.value;
        script.onCounts?.();
      } else if (message.kind === 'storeCheckpoint') {
        const { serial, checkpoint, ...at } = message.value;
        played.checkpoints.push({ ...at, state: checkpoint });
        if (played.checkpoints.length === script.breakAfterCheckpoints) break;
        await call.send({ checkpointStored: { serial } });
      } else if (message.kind === 'refusal') played.refusal = message.value;
      else if (message.kind === 'finished') played.finished = true;
      if (played.finished || message.kind === 'goAway') break;
    }
  } finally {
    stop.abort(new Error('the test is over'));
  }
  return played;
}

async function sendUnits(call: AgentCall, script: Script, credit: () => number, onWait: (wake: () => void) => void): Promise<void> {
  const counted = script.checkpoint?.presentationMicros ?? -1;
  const from = Math.max(
    0,
    units.findLastIndex((unit) => unit.keyframe && unit.presentationMicros <= counted),
  );
  for (const [index, unit] of units.entries()) {
    if (index < from) continue;
    while (index - from >= credit()) await new Promise<void>((resolve) => onWait(resolve));
    const number = script.numbers?.(index) ?? index + 1;
    // As a camera would: a checkpoint is due after 2 s, and a fast machine is through the whole clip by then.
    if (script.breakAfterCheckpoints !== undefined) await sleep(25);
    await call.send({ accessUnit: { ...unit, number, data: asBuffer(unit.data) } });
  }
  await call.send({ endOfStream: { lastNumber: units.length } });
}

suite('a counter', () => {
  for (const [model, detector] of [
    ['the shipped model', detectors.shipped],
    ['a smaller one', detectors.small],
  ] as const) {
    test(`counts a stream to its end with ${model}, commits, and says so`, async () => {
      await withCounter(async (counter) => {
        const played = await play(counter);
        assert.equal(played.finished, true);
        assert.deepEqual(played.welcome, { term: 1, position: 0 });
        const { counts } = await counter.ledger.read(door);
        assert.deepEqual(counts?.lines, [{ name: 'entrance', in: 1, out: 0 }]);
        assert.equal(played.counts?.frames, CLIP_UNITS);
        assert.equal(played.counts?.provisional, false);
      }, detector);
    });
  }

  test('goes on from a checkpoint that was stored but not committed, and counts nobody twice', async () => {
    let undisturbed = '';
    await withCounter(async (counter) => {
      await play(counter);
      undisturbed = await counter.crossings();
    });
    await withCounter(async (counter) => {
      const first = await play(counter, { breakAfterCheckpoints: 1 });
      const checkpoint = first.checkpoints[0]!;
      assert.ok(checkpoint.position < CLIP_UNITS, 'it broke off in the middle');
      const second = await play(counter, { checkpoint, lastTerm: 1 });
      assert.equal(second.finished, true);
      assert.equal(second.welcome?.term, 2);
      assert.equal(await counter.crossings(), undisturbed);
      const { counts } = await counter.ledger.read(door);
      assert.deepEqual([counts?.in, counts?.gaps.count], [1, 0]);
    });
  });

  test('declares what lies between two sessions', async () => {
    await withCounter(async (counter) => {
      await play(counter);
      const again = await play(counter, { session: 's2', sessionStartMicros: LATER_MICROS });
      assert.deepEqual(again.welcome, { term: 2, position: 0 });
      const { counts } = await counter.ledger.read(door);
      assert.deepEqual([counts?.in, counts?.gaps.count, counts?.gaps.last?.reason], [2, 1, 'AgentReplaced']);
    });
  });

  test('counts nobody twice whom two sessions have seen at the same time', async () => {
    await withCounter(async (counter) => {
      await play(counter);
      await play(counter, { session: 's2' });
      const { counts } = await counter.ledger.read(door);
      assert.deepEqual([counts?.in, counts?.session], [1, 's2']);
    });
  });

  test('lets a session come back that was cut before its first commit', async () => {
    await withCounter(async (counter) => {
      await play(counter);
      const cut = await play(counter, { session: 's2', sessionStartMicros: LATER_MICROS, breakAfterCheckpoints: 1 });
      const back = await play(counter, { session: 's2', sessionStartMicros: LATER_MICROS, lastTerm: 2, checkpoint: cut.checkpoints[0]! });
      assert.deepEqual([back.refusal, back.finished], [undefined, true]);
      const { counts } = await counter.ledger.read(door);
      assert.equal(counts?.in, 2);
    });
  });

  test('refuses a session that another one has superseded', async () => {
    await withCounter(async (counter) => {
      await play(counter);
      const old = await play(counter, { session: 'lingering', lastTerm: 7 });
      assert.equal(old.refusal?.reason, 'SUPERSEDED');
      assert.equal((await counter.ledger.read(door)).term, 1, 'and takes no term for it');
    });
  });

  test('refuses a stream that nobody declared, in a sentence', async () => {
    await withCounter(async (counter) => {
      const { refusal } = await play(counter, { name: 'window' });
      assert.deepEqual(refusal, { reason: 'UNKNOWN_STREAM', sentence: 'There is no CameraStream default/window here.' });
    });
  });

  test('refuses access units with a hole between them', async () => {
    await withCounter(async (counter) => {
      const { refusal } = await play(counter, { numbers: (index) => (index < 20 ? index + 1 : index + 5) });
      assert.equal(refusal?.reason, 'INVALID');
      assert.match(refusal?.sentence ?? '', /Access unit 25 came after 20/);
    });
  });

  test('refuses access units that leave out what comes after its checkpoint', async () => {
    await withCounter(async (counter) => {
      const checkpoint = (await play(counter, { breakAfterCheckpoints: 1 })).checkpoints[0]!;
      const late = await play(counter, { checkpoint, lastTerm: 1, numbers: (index) => index + 1 + CLIP_UNITS });
      assert.equal(late.refusal?.reason, 'INVALID');
      assert.match(late.refusal?.sentence ?? '', new RegExp(`came after ${checkpoint.position} without a gap`));
    });
  });

  test('settles what it counted before it drains', async () => {
    await withCounter(async (counter) => {
      let seen = 0;
      const played = await play(counter, {
        onCounts: () => {
          seen += 1;
          if (seen === 110) counter.drain.abort();
        },
      });
      assert.equal(played.finished, false);
      const { counts } = await counter.ledger.read(door);
      const newest = played.checkpoints.at(-1)!;
      assert.ok(newest.position >= 100 && (counts?.position ?? 0) <= newest.position, 'nothing is committed that the agent has not stored');
      const rest = await withCounterAgain(counter, newest);
      assert.deepEqual([rest.in, rest.gaps], [1, 0]);
    });
  });
});

/** The next counter on the same ledger. */
async function withCounterAgain(counter: Counter, checkpoint: Played['checkpoints'][number]) {
  const server = await serve({ ledger: counter.ledger, detector: detectors.small, draining: new AbortController().signal, receivers: [] });
  const played = await play({ ...counter, server }, { checkpoint, lastTerm: 1 });
  await server.stop(100);
  return played.counts!;
}
