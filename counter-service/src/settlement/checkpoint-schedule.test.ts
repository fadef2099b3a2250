import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counts } from '../fixtures/ledger-process.ts';
import type { CheckpointCommit } from './checkpoint-commit.ts';
import { CheckpointSchedule } from './checkpoint-schedule.ts';

function settling(settlement: Partial<CheckpointCommit>) {
  const faults: unknown[] = [];
  const of = new CheckpointSchedule({
    settlement: { differs: () => true, settle: () => Promise.resolve(), ...settlement },
    counts: () => counts(1),
    snapshot: () => ({ position: 10, presentationMicros: 1, checkpoint: Buffer.from(''), counts: counts(1) }),
    show: () => Promise.resolve(),
    onCommitted: () => undefined,
    onFault: (error) => faults.push(error),
  });
  return { of, faults };
}

test('what goes wrong in a timer is told, and ends nothing else', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  const differs = () => {
    if ((asked += 1) > 1) throw new RangeError('unforeseen');
    return true;
  };
  const { of, faults } = settling({ differs });
  of.whenDue();
  assert.deepEqual(faults, []);
  context.mock.timers.tick(2000);
  assert.deepEqual(faults, [new RangeError('unforeseen')]);
  of.stop();
});

test('after a settlement that failed there is none but the last', async () => {
  let settled = 0;
  const settle = () => Promise.reject(new Error(`failed ${(settled += 1)}`));
  const { of, faults } = settling({ differs: () => true, settle });
  of.urgently();
  of.whenDue();
  await assert.rejects(
    of.last(() => undefined),
    /failed 2/,
  );
  of.urgently();
  of.whenDue();
  assert.deepEqual([faults, settled], [[new Error('failed 1')], 2]);
});
