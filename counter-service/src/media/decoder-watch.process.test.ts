/** The limits of a decoder, with child processes in place of a decoder. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DECODER_LIMITS, DecoderWatch, processState } from './decoder-watch.ts';

/** Reads a byte now and then, and computes all the time. */
const BUSY = `
const { readSync } = require('node:fs');
for (let end = 0; ; end = Date.now() + 50) { readSync(0, Buffer.alloc(1)); while (Date.now() < end); }
`;

function busy(context: TestContext): number {
  const child = spawn(process.execPath, ['-e', BUSY], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.on('error', () => undefined);
  child.stdin.write(Buffer.alloc(60_000));
  context.after(() => child.kill('SIGKILL'));
  return child.pid!;
}

suite('a decoder', { skip: process.platform !== 'linux' }, () => {
  test('that reads now and then, and exceeds its CPU time, is killed', { timeout: 60_000 }, async (context) => {
    const killed = Promise.withResolvers<string>();
    const watch = new DecoderWatch(busy(context), { ...DECODER_LIMITS, cpuSeconds: 0.5 }, killed.resolve, () => undefined);
    context.after(() => watch.stop());
    watch.countInput();
    watch.setReaderWaiting(true);
    assert.equal(await killed.promise, 'it took more CPU time than any picture is worth');
  });

  test('is not killed for CPU time that its input allows, or while pictures come', { timeout: 60_000 }, async (context) => {
    const pid = busy(context);
    const killed: string[] = [];
    const watch = new DecoderWatch(
      pid,
      { ...DECODER_LIMITS, cpuSeconds: 1.5 },
      (why) => killed.push(why),
      () => undefined,
    );
    context.after(() => watch.stop());
    const untilSpent = async (seconds: number, meanwhile: () => void) => {
      for (const end = processState(pid)!.cpuMs + seconds * 1000; processState(pid)!.cpuMs < end; await delay(100)) meanwhile();
    };
    watch.setReaderWaiting(true);
    await untilSpent(3, () => watch.countInput());
    await untilSpent(3, () => {
      watch.setReaderWaiting(false);
      watch.setReaderWaiting(true);
    });
    assert.deepEqual(killed, []);
  });

  test('whose /proc files the system hides is reported once', { timeout: 60_000 }, async (context) => {
    const isRoot = process.geteuid!() === 0;
    if (isRoot) process.seteuid!('nobody');
    context.after(() => isRoot && process.seteuid!(0));
    // Usually a process of another user.
    const hidden = 1;
    try {
      readFileSync(`/proc/${hidden}/io`);
      return context.skip('the first process is not hidden');
    } catch {
      const reported = Promise.withResolvers<void>();
      let times = 0;
      const watch = new DecoderWatch(
        hidden,
        DECODER_LIMITS,
        () => assert.fail(),
        () => {
          times += 1;
          reported.resolve();
        },
      );
      context.after(() => watch.stop());
      await reported.promise;
      await delay(1500);
      assert.equal(times, 1);
    }
  });
});
