/** The folder ledger under processes that are stopped, killed, and race. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { counts, type Command, stream } from '../fixtures/ledger-process.ts';
import { FolderLedger } from './folder.ts';

const RACE_SECONDS = 3;

interface Answer {
  readonly result: string;
}

class LedgerProcess {
  readonly child: ChildProcess;
  #onAnswer: (answer: Answer | undefined) => void = () => undefined;

  private constructor(context: TestContext) {
    this.child = fork(new URL('../fixtures/ledger-process.ts', import.meta.url));
    this.child.on('message', (answer: Answer) => this.#onAnswer(answer));
    this.child.on('exit', () => this.#onAnswer(undefined));
    context.after(() => this.child.kill('SIGKILL'));
  }

  static async start(context: TestContext): Promise<LedgerProcess> {
    const started = new LedgerProcess(context);
    await started.#nextAnswer();
    return started;
  }

  /** Resolves with the answer, or once the signal has stopped the process: then the answer may come later. */
  async execute(command: Command): Promise<{ readonly outcome: 'answer' | 'signal'; readonly answer: Promise<Answer | undefined> }> {
    const answer = this.#nextAnswer();
    this.child.send(command);
    for (;;) {
      const first = await Promise.race([answer, sleep(2, 'nothing yet' as const)]);
      if (first === undefined) return { outcome: 'signal', answer };
      if (first !== 'nothing yet') return { outcome: 'answer', answer };
      if (isStopped(this.child.pid!)) return { outcome: 'signal', answer };
    }
  }

  #nextAnswer(): Promise<Answer | undefined> {
    return new Promise((resolve) => (this.#onAnswer = resolve));
  }
}

function isStopped(pid: number): boolean {
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
  const history = committedBefore ? 'after an earlier commit' : 'before any commit';
  test(`a counter stopped at any call of a commit changes nothing once another has the stream, ${history}`, async (context) => {
    const root = await folder(context);
    const process = await LedgerProcess.start(context);
    let call = 1;
    for (; ; call += 1) {
      const ledger = new FolderLedger(join(root, String(call)));
      await mkdir(join(root, String(call)));
      const { outcome, answer } = await process.execute({
        root: join(root, String(call)),
        act: 'commit',
        committedBefore,
        at: { call, signal: 'SIGSTOP' },
      });
      if (outcome === 'answer') break;
      const next = await ledger.claim(stream, await ledger.read(stream), 's');
      const taken = await ledger.read(stream);
      process.child.kill('SIGCONT');
      const { result } = (await answer)!;
      assert.deepEqual(await ledger.read(stream), taken, `stopped at call ${call}, it reported ${result}`);
      assert.ok(result === 'Fenced' || next.counts?.in === (committedBefore ? 2 : 1), 'what the counter holds for committed is committed');
      const entered = (next.counts?.in ?? 0) + 1;
      await next.commit(counts(entered));
      assert.equal((await ledger.read(stream)).counts?.in, entered);
    }
    assert.ok(call > 9, 'the counter was stopped at every call');
  });
}

test('of two counters that take the same term, one of them stopped at any call, one gets it', async (context) => {
  const root = await folder(context);
  const process = await LedgerProcess.start(context);
  for (let call = 1; ; call += 1) {
    const ledger = new FolderLedger(join(root, String(call)));
    const { outcome, answer } = await process.execute({ root: join(root, String(call)), act: 'claim', at: { call, signal: 'SIGSTOP' } });
    if (outcome === 'answer') break;
    const next = await ledger.claim(stream, await ledger.read(stream), 's');
    process.child.kill('SIGCONT');
    const { result } = (await answer)!;
    assert.equal((await ledger.read(stream)).term, next.term, `stopped at call ${call}, it reported ${result}`);
    assert.ok(result === 'Fenced' || next.term === 2, 'the two counters hold different terms');
    await next.commit(counts(1));
  }
});

test('a counter that dies at any call leaves a whole ledger, and the next counter takes the stream', async (context) => {
  const root = await folder(context);
  for (let call = 1; ; call += 1) {
    const process = await LedgerProcess.start(context);
    const ledger = new FolderLedger(join(root, String(call)));
    const { outcome } = await process.execute({
      root: join(root, String(call)),
      act: 'commit',
      committedBefore: true,
      at: { call, signal: 'SIGKILL' },
    });
    if (outcome === 'answer') break;
    const next = await ledger.claim(stream, await ledger.read(stream), 's');
    const entered = next.counts!.in + 1;
    assert.ok(entered === 2 || entered === 3);
    await next.commit(counts(entered));
    assert.equal((await ledger.read(stream)).counts?.in, entered);
  }
});

test('counters that take the stream from each other, and are stopped meanwhile, commit each person once', async (context) => {
  const root = await folder(context);
  const processes = await Promise.all(upTo(3).map(() => LedgerProcess.start(context)));
  const acknowledged: number[] = [];
  for (const { child } of processes) {
    child.on('message', (entered: number) => acknowledged.push(entered));
    child.send({ root, act: 'race' } satisfies Command);
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
  assert.equal(new Set(acknowledged).size, acknowledged.length, 'no person was committed twice');
  assert.ok(last!.in >= Math.max(...acknowledged), 'no commit is lost');
  assert.ok(term > 10 && acknowledged.length > 20, `${term} terms, ${acknowledged.length} commits`);
  context.diagnostic(`${term} terms, ${acknowledged.length} commits in ${RACE_SECONDS} s`);
});
