/** The folder's ledger under processes that are held up, killed, and race. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { counts, type Order, stream } from '../fixtures/ledger-process.ts';
import { FolderLedger } from './folder.ts';

const RACE_SECONDS = 3;

interface Answer {
  readonly said: string;
}

class LedgerProcess {
  readonly child: ChildProcess;
  #hear: (answer: Answer | undefined) => void = () => undefined;

  private constructor(context: TestContext) {
    this.child = fork(new URL('../fixtures/ledger-process.ts', import.meta.url));
    this.child.on('message', (answer: Answer) => this.#hear(answer));
    this.child.on('exit', () => this.#hear(undefined));
    context.after(() => this.child.kill('SIGKILL'));
  }

  static async start(context: TestContext): Promise<LedgerProcess> {
    const started = new LedgerProcess(context);
    await started.#heard();
    return started;
  }

  /** Resolves with how it met its end: an answer, or the signal, after which there may be one later. */
  async obey(order: Order): Promise<{ readonly met: 'answer' | 'signal'; readonly answer: Promise<Answer | undefined> }> {
    const answer = this.#heard();
    this.child.send(order);
    for (;;) {
      const first = await Promise.race([answer, sleep(2, 'nothing yet' as const)]);
      if (first === undefined) return { met: 'signal', answer };
      if (first !== 'nothing yet') return { met: 'answer', answer };
      if (isHeldUp(this.child.pid!)) return { met: 'signal', answer };
    }
  }

  #heard(): Promise<Answer | undefined> {
    return new Promise((resolve) => (this.#hear = resolve));
  }
}

function isHeldUp(pid: number): boolean {
  try {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footfall-race-'));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

for (const committedBefore of [false, true]) {
  test(`a counter that is held up at any call of a commit changes nothing once another has the stream${committedBefore ? '' : ', though nothing was committed before'}`, async (context) => {
    const root = await folder(context);
    const process = await LedgerProcess.start(context);
    let call = 1;
    for (; ; call += 1) {
      const ledger = new FolderLedger(join(root, String(call)));
      await mkdir(join(root, String(call)));
      const { met, answer } = await process.obey({
        root: join(root, String(call)),
        act: 'commit',
        committedBefore,
        at: { call, signal: 'SIGSTOP' },
      });
      if (met === 'answer') break;
      const next = await ledger.claim(stream, await ledger.read(stream), 's');
      const taken = await ledger.read(stream);
      process.child.kill('SIGCONT');
      const { said } = (await answer)!;
      assert.deepEqual(await ledger.read(stream), taken, `held up at call ${call}, it said ${said}`);
      assert.ok(said === 'Fenced' || next.counts?.in === (committedBefore ? 2 : 1), 'what it takes for committed is');
      const entered = (next.counts?.in ?? 0) + 1;
      await next.commit(counts(entered));
      assert.equal((await ledger.read(stream)).counts?.in, entered);
    }
    assert.ok(call > 10, 'it was held up at all calls');
  });
}

test('of two that take the same term, one of them held up at any call, one gets it', async (context) => {
  const root = await folder(context);
  const process = await LedgerProcess.start(context);
  for (let call = 1; ; call += 1) {
    const ledger = new FolderLedger(join(root, String(call)));
    const { met, answer } = await process.obey({ root: join(root, String(call)), act: 'claim', at: { call, signal: 'SIGSTOP' } });
    if (met === 'answer') break;
    const next = await ledger.claim(stream, await ledger.read(stream), 's');
    process.child.kill('SIGCONT');
    const { said } = (await answer)!;
    assert.equal((await ledger.read(stream)).term, next.term, `held up at call ${call}, it said ${said}`);
    assert.ok(said === 'Fenced' || next.term === 2, 'what it takes for its term is none of the other');
    await next.commit(counts(1));
  }
});

test('a counter that dies at any call leaves a ledger that is whole, and that the next one takes', async (context) => {
  const root = await folder(context);
  for (let call = 1; ; call += 1) {
    const process = await LedgerProcess.start(context);
    const ledger = new FolderLedger(join(root, String(call)));
    const { met } = await process.obey({
      root: join(root, String(call)),
      act: 'commit',
      committedBefore: true,
      at: { call, signal: 'SIGKILL' },
    });
    if (met === 'answer') break;
    const next = await ledger.claim(stream, await ledger.read(stream), 's');
    const entered = next.counts!.in + 1;
    assert.ok(entered === 2 || entered === 3);
    await next.commit(counts(entered));
    assert.equal((await ledger.read(stream)).counts?.in, entered);
  }
});

test('counters that take the stream from each other, and are held up meanwhile, count everybody once', async (context) => {
  const root = await folder(context);
  const processes = await Promise.all(upTo(3).map(() => LedgerProcess.start(context)));
  const acknowledged: number[] = [];
  for (const { child } of processes) {
    child.on('message', (entered: number) => acknowledged.push(entered));
    child.send({ root, act: 'race' } satisfies Order);
  }
  for (const end = performance.now() + RACE_SECONDS * 1000; performance.now() < end;) {
    const { child } = processes[Math.floor(Math.random() * processes.length)]!;
    child.kill('SIGSTOP');
    await sleep(Math.random() * 30);
    child.kill('SIGCONT');
  }
  for (const { child } of processes) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const ledger = new FolderLedger(root);
  const { term, counts: last } = await ledger.read(stream);
  assert.equal(new Set(acknowledged).size, acknowledged.length, 'nobody was committed twice');
  assert.ok(last!.in >= Math.max(...acknowledged), 'nothing that was committed is gone');
  assert.ok(term > 10 && acknowledged.length > 20, `${term} terms, ${acknowledged.length} commits`);
  context.diagnostic(`${term} terms, ${acknowledged.length} commits in ${RACE_SECONDS} s`);
});
