import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommittedCounts } from '../ledger/ledger.ts';
import { takeoverFrom } from './takeover.ts';

const START_MICROS = Date.parse('2026-01-01T00:00:00Z') * 1000;
const NOW_MICROS = START_MICROS + 60e6;

function committedAt(seconds: number, { session = 'before', position = 40 } = {}): CommittedCounts {
  return { session, position, time: new Date(START_MICROS / 1000 + seconds * 1000).toISOString() } as CommittedCounts;
}

const cases: readonly { what: string; committed: CommittedCounts; takenSeconds?: number; from: number; reason?: string }[] = [
  { what: "a new session continues where the other session's counts end", committed: committedAt(-5), takenSeconds: 3, from: -5 },
  { what: 'also when both sessions have seen the same seconds', committed: committedAt(2), takenSeconds: 3, from: 2 },
  { what: 'but no later than the video that it had at its Welcome', committed: committedAt(50), takenSeconds: 3, from: 3 },
  {
    what: 'without that time (files, old agents), no frame is skipped for counts that lie ahead of the clock',
    committed: committedAt(61),
    from: -1e-6,
  },
  { what: 'without that time, frames up to counts behind the clock are skipped', committed: committedAt(59), from: 59 },
  {
    what: 'a session that has lost its checkpoint continues where its own counts end',
    committed: committedAt(50, { session: 's' }),
    takenSeconds: 3,
    from: 50,
    reason: 'CHECKPOINT_LOST',
  },
  {
    what: 'a session of which nothing is committed takes over',
    committed: committedAt(2, { session: 's', position: 0 }),
    takenSeconds: 3,
    from: 2,
  },
];

for (const { what, committed, takenSeconds = 0, from, reason = 'AGENT_REPLACED' } of cases) {
  test(what, () => {
    const takeover = takeoverFrom(
      committed,
      { session: 's', sessionStartMicros: START_MICROS, takenMicros: takenSeconds * 1e6 },
      NOW_MICROS,
    );
    assert.equal(takeover.reason, reason);
    // The last millisecond is counted as a whole.
    assert.ok(takeover.fromMicros - from * 1e6 >= 0 && takeover.fromMicros - from * 1e6 < 1000, String(takeover.fromMicros));
  });
}
