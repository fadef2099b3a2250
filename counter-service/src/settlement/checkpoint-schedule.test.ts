import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counts } from '../fixtures/ledger-process.ts';
import type { CheckpointCommit } from './checkpoint-commit.ts';
import { CheckpointSchedule } from './checkpoint-schedule.ts';

function setting(checkpointCommit: Partial<CheckpointCommit>) {
  const faults: unknown[] = [];
  const schedule = new CheckpointSchedule({
    checkpointCommit: { differs: () => true, settle: () => Promise.resolve(), ...checkpointCommit },
    counts: () => counts(1),
    snapshot: () => ({ position: 10, presentationMicros: 1, checkpoint: Buffer.from(''), counts: counts(1) }),
    show: () => Promise.resolve(),
    onCommitted: () => undefined,
    onFault: (error) => faults.push(error),
  });
  return { schedule, faults };
}

test('a fault in a timer is reported, and ends nothing else', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  const differs = () => {
    if ((asked += 1) > 1) throw new RangeError('a bug');
    return true;
  };
  const { schedule, faults } = setting({ differs });
  schedule.settleIfDue();
  assert.deepEqual(faults, []);
  context.mock.timers.tick(2000);
  assert.deepEqual(faults, [new RangeError('a bug')]);
  schedule.stop();
});

test('after a checkpoint that failed, only the last one is settled', async () => {
  let settled = 0;
  const settle = () => Promise.reject(new Error(`failed ${(settled += 1)}`));
  const { schedule, faults } = setting({ differs: () => true, settle });
  schedule.makeUrgent();
  schedule.settleIfDue();
  await assert.rejects(schedule.settleLast(), /failed 2/);
  schedule.makeUrgent();
  schedule.settleIfDue();
  assert.deepEqual([faults, settled], [[new Error('failed 1')], 2]);
});
