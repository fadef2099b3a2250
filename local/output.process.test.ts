/** Output that nobody reads, or that has no room: the command ends in order, and says so in a sentence at most. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { stream, Workplace } from './fixtures/workplace.ts';

const root = join(import.meta.dirname, '..');
const node = `${process.execPath} --disable-warning=ExperimentalWarning`;
const footfall = `${node} ${join(root, 'local/footfall.ts')}`;

let place: Workplace;
before(() => {
  place = new Workplace();
  place.makeShortClip();
  place.write('short.yaml', stream('short'));
  place.write('many.yaml', Array.from({ length: 300 }, (_, index) => stream(`stream-${index}`)).join('---\n'));
});
after(() => place.remove());

interface Ran {
  readonly code: number;
  readonly stderr: string;
  readonly stdout: string;
}

/** A command line, whose exit code is that of its first program. */
function shell(line: string): Ran {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${line}\nexit \${PIPESTATUS[0]}`], {
    cwd: place.folder,
    encoding: 'utf8',
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  return { code: status ?? -1, stdout, stderr };
}

suite('a closed pipe ends quietly', { timeout: 300_000 }, () => {
  const commands = {
    'footfall --help': `${footfall} --help`,
    'footfall validate': `${footfall} validate many.yaml --output json`,
    'footfall count': `${footfall} count short.yaml --output json --quiet`,
    'npm run bench --help': `${node} ${join(root, 'hack/bench/main.ts')} --help`,
    'npm run e2e --help': `${node} ${join(root, 'hack/e2e/main.ts')} --help`,
  };
  for (const [name, command] of Object.entries(commands))
    test(name, () => {
      const { code, stderr } = shell(`${command} | true`);
      assert.deepEqual([stderr, code], ['', 0]);
    });

  test('in the middle of the progress, as on Ctrl-C', () => {
    const { code, stdout, stderr } = shell(`{ ${footfall} count short.yaml 2>&1; echo "exit $?" >&3; } 3>&2 | head -1`);
    assert.match(stdout, /^.*\n$/);
    assert.match(stderr, /^exit [01]\n$/);
    assert.equal(code, 0);
  });

  test('of the progress alone: the results are still written', () => {
    const { code, stdout } = shell(`{ ${footfall} count short.yaml --output json 2>&1 >&3; } 3>result.json | true; cat result.json`);
    assert.equal((JSON.parse(stdout) as { streams: { in: number }[] }).streams[0]!.in, 1);
    assert.equal(code, 0);
  });
});

suite('a full disk is one sentence, and exit code 1', { timeout: 300_000 }, () => {
  for (const command of ['--help', 'validate short.yaml', 'count short.yaml --output json --quiet'])
    test(`footfall ${command}`, () => {
      const { code, stderr } = shell(`${footfall} ${command} > /dev/full`);
      assert.match(stderr, /^The standard output cannot be written: ENOSPC: no space left on device[^\n]*\.\n$/);
      assert.equal(code, 1);
    });

  test('also one with room for a part of the result', () => {
    const { code, stderr } = shell(`(ulimit -f 8; trap '' XFSZ; ${footfall} validate many.yaml --output json > part.json)`);
    assert.match(stderr, /^The standard output cannot be written: EFBIG: file too large[^\n]*\.\n$/);
    assert.equal(code, 1);
  });
});
