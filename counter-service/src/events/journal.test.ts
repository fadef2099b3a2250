/** Delivery to receivers that are slow, away, and back again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { StreamEvent } from '#crds/events.ts';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import type { Outcome } from '../analysis/analysis.ts';
import { streamMetrics } from '../metrics.ts';
import { EventJournal, type JournalOptions } from './journal.ts';
import { startOutbox } from './outbox.ts';
import type { Receiver } from './receiver.ts';

const nothing = { crossings: 0, gaps: 0 };
const stream = { namespace: 'default', name: 'door', uid: 'u' };

const crossed = (number: number): Outcome => ({
  tracks: [],
  visits: [],
  uncounted: [],
  findings: [],
  gap: undefined,
  crossings: [{ number, line: 'a', direction: 'in', time: number, frame: number, track: 1, lineIn: number, lineOut: 0 }],
});

/** Takes events in memory, or fails as often as it is told to. */
class MemoryReceiver extends EventTarget implements Receiver {
  readonly name: string;
  readonly got: StreamEvent[] = [];
  failures = 0;

  constructor(name: string) {
    super();
    this.name = name;
  }

  async deliver(events: readonly StreamEvent[]): Promise<void> {
    await Promise.resolve();
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the receiver is away');
    }
    this.got.push(...events);
    this.dispatchEvent(new Event('got'));
  }

  get numbers(): unknown[] {
    return this.got.map((event) => ('number' in event ? event.number : `${event.first}-${event.last}`));
  }
}

function setting(context: TestContext, receivers: readonly Receiver[], more: Partial<JournalOptions> = {}) {
  const metrics = createMetrics();
  const delivered: unknown[] = [];
  const over = new AbortController();
  const journal: EventJournal = new EventJournal(
    {
      stream,
      receivers,
      mostWaitingEvents: 100,
      clock: { startMicros: Date.UTC(2026, 0, 1) * 1000, recorded: false },
      metrics: streamMetrics(metrics),
      labels: { stream: 'default/door' },
      log: createLog('counter-service', 'silent'),
      onDelivered: () => delivered.push(journal.deliveredNumbers?.crossings),
      ...more,
    },
    startOutbox(nothing),
    nothing,
  );
  const running = journal.run(over.signal);
  context.after(async () => {
    over.abort(new Error('the test is over'));
    await running;
  });
  const count = (from: number, to: number) => {
    for (let number = from; number <= to; number += 1) journal.record(crossed(number));
  };
  return { journal, count, delivered, metrics, signal: over.signal };
}

test('an event leaves after its commit, with its id, its clock time and its place in the totals', async (context) => {
  const receiver = new MemoryReceiver('one');
  const { journal, count, signal } = setting(context, [receiver]);
  count(1, 2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(receiver.numbers, []);
  journal.setCommitted({ crossings: 1, gaps: 0 });
  await journal.flush(signal);
  const [{ id, ...event }] = receiver.got as [StreamEvent & { type: 'crossing' }];
  assert.equal(id, 'u/crossing/1');
  assert.deepEqual(
    [event.namespace, event.stream, event.line, event.at, event.late],
    ['default', 'door', 'a', '2026-01-01T00:00:01.000Z', true],
  );
  assert.deepEqual(receiver.numbers, [1]);
});

test('a recording has no clock: its events say nothing of when they happened', async (context) => {
  const receiver = new MemoryReceiver('one');
  const { journal, count, signal } = setting(context, [receiver], { clock: { startMicros: 1, recorded: true } });
  count(1, 1);
  journal.setCommitted({ crossings: 1, gaps: 0 });
  await journal.flush(signal);
  assert.ok(!('at' in receiver.got[0]!) && !('late' in receiver.got[0]!));
});

test('a receiver that is away gets everything when it is back, and holds back no other', async (context) => {
  const [well, away] = [new MemoryReceiver('well'), new MemoryReceiver('away')];
  away.failures = 2;
  const { journal, count, delivered, signal } = setting(context, [well, away]);
  const first = once(well, 'got');
  count(1, 3);
  journal.setCommitted({ crossings: 3, gaps: 0 });
  await first;
  assert.deepEqual([well.numbers, away.numbers, journal.deliveredNumbers], [[1, 2, 3], [], nothing]);
  assert.equal(journal.outbox?.waiting.length, 3, 'the checkpoint keeps them');
  await journal.flush(signal);
  assert.deepEqual([away.numbers, journal.deliveredNumbers?.crossings, journal.outbox?.waiting], [[1, 2, 3], 3, []]);
  assert.equal(delivered.at(-1), 3);
});

test('what a receiver misses for too long is declared to it, and to no other', async (context) => {
  const [well, away] = [new MemoryReceiver('well'), new MemoryReceiver('away')];
  away.failures = 1;
  const { journal, count, metrics, signal } = setting(context, [well, away], { mostWaitingEvents: 2 });
  const first = once(well, 'got');
  count(1, 2);
  journal.setCommitted({ crossings: 2, gaps: 0 });
  await first;
  count(3, 5);
  journal.setCommitted({ crossings: 5, gaps: 0 });
  await journal.flush(signal);
  assert.deepEqual(away.numbers, ['1-3', 4, 5]);
  assert.match(await metrics.render(), /counter_events_dropped_total\{stream="default\/door"\} 3/);
  assert.deepEqual(well.numbers.slice(0, 2), [1, 2]);
});

test('without receivers nothing waits', (context) => {
  const { journal, count } = setting(context, []);
  count(1, 3);
  assert.deepEqual([journal.outbox, journal.deliveredNumbers], [undefined, undefined]);
});
