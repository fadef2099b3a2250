import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { until } from '../../../hack/machine/until.ts';
import { Ffmpeg, inspectFfmpeg, requireFfmpeg } from './ffmpeg.ts';

const PICTURES = { inputOptions: ['-f', 'lavfi'], outputOptions: ['-f', 'rawvideo', '-pix_fmt', 'gray'] };
const ENDLESS = { ...PICTURES, input: 'testsrc=size=640x480' };
const THROUGH = { inputOptions: ['-f', 'data'], input: 'pipe:0', outputOptions: ['-map', '0', '-c', 'copy', '-f', 'data'] };

const folder = mkdtempSync(join(tmpdir(), 'ffmpeg-'));
after(() => rmSync(folder, { recursive: true }));

/** Dead, or dead and not yet collected by its parent. */
function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}/stat`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

/** @param allowOld FFMPEG_ALLOW_OLD. */
async function withFfmpeg<Result>(path: string, action: () => Promise<Result>, allowOld?: string): Promise<Result> {
  const before = setVariables({ FFMPEG_PATH: path, FFMPEG_ALLOW_OLD: allowOld });
  try {
    return await action();
  } finally {
    setVariables(before);
  }
}

/** @returns those that were there. */
function setVariables(variables: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const before: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(variables)) {
    before[name] = process.env[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  return before;
}

/** A program that says this when it is asked for its version, and its arguments when it is asked for something else. */
function program(name: string, banner: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = -version ]; then echo '${banner}'; else echo "$@"; fi\n`);
  chmodSync(path, 0o755);
  return path;
}

suite('a child that runs to its end', () => {
  test('gives all its output and exit code 0', async () => {
    const ffmpeg = new Ffmpeg({
      ...PICTURES,
      input: 'testsrc=size=64x48:rate=10',
      outputOptions: ['-frames:v', '10', ...PICTURES.outputOptions],
    });
    const bytes = (await Array.fromAsync(ffmpeg.output)).reduce((sum, chunk) => sum + chunk.length, 0);
    assert.equal(bytes, 10 * 64 * 48);
    assert.deepEqual(await ffmpeg.exit, { code: 0, signal: undefined, stopped: false, lastWords: [] });
  });

  test('hands back what is written to it, however much', async () => {
    const ffmpeg = new Ffmpeg(THROUGH);
    const sent = Buffer.alloc(8 * 2 ** 20, 'footfall');
    const received = Array.fromAsync(ffmpeg.output);
    for (let at = 0; at < sent.length; at += 100_000)
      await ffmpeg.write(sent.subarray(at, at + 50_000), sent.subarray(at + 50_000, at + 100_000));
    ffmpeg.end();
    assert.ok(Buffer.concat(await received).equals(sent));
    assert.equal((await ffmpeg.exit).code, 0);
  });

  test('says what went wrong', async () => {
    const { code, lastWords } = await new Ffmpeg({ inputOptions: [], input: 'file:/no/such/file', outputOptions: ['-f', 'null'] }).exit;
    assert.equal(code, 1);
    assert.match(lastWords.join('\n'), /\/no\/such\/file: No such file or directory/);
  });

  test('has secrets and credentials taken out of its last words', async () => {
    const input = 'rtsp://user:p%40ssword@127.0.0.1:1/of-p@ssword';
    const { lastWords } = await new Ffmpeg({ inputOptions: [], input, outputOptions: ['-f', 'null'], secrets: ['p@ssword'] }).exit;
    assert.match(lastWords.join('\n'), /rtsp:\/\/\*\*\*@127.0.0.1:1\/of-\*\*\*: Connection refused/);
    assert.doesNotMatch(lastWords.join('\n'), /p@ssword|p%40ssword/);
  });
});

suite('a child that does not', () => {
  test('is stopped, though what it writes is not read', async () => {
    const ffmpeg = new Ffmpeg(ENDLESS);
    const exit = await ffmpeg.stop();
    assert.equal(exit.stopped, true);
    assert.ok(isGone(ffmpeg.pid ?? 0));
    assert.deepEqual(await ffmpeg.stop(), exit);
  });

  test('is stopped in the middle of its output, which ends', async () => {
    const ffmpeg = new Ffmpeg(ENDLESS);
    for await (const chunk of ffmpeg.output) if (chunk.length > 0) await ffmpeg.stop();
    assert.equal((await ffmpeg.exit).stopped, true);
  });

  test('is killed when it does not listen', async () => {
    const ffmpeg = new Ffmpeg(ENDLESS);
    await ffmpeg.output[Symbol.asyncIterator]().next();
    process.kill(ffmpeg.pid ?? 0, 'SIGSTOP');
    assert.deepEqual(await ffmpeg.stop(), { code: undefined, signal: 'SIGKILL', stopped: true, lastWords: [] });
  });

  test('killed by another process, says so', async () => {
    const ffmpeg = new Ffmpeg(THROUGH);
    process.kill(ffmpeg.pid ?? 0, 'SIGKILL');
    assert.deepEqual(await Array.fromAsync(ffmpeg.output), []);
    const { signal, stopped } = await ffmpeg.exit;
    assert.deepEqual({ signal, stopped }, { signal: 'SIGKILL', stopped: false });
  });

  test('lets a writer go on when it dies', async () => {
    const ffmpeg = new Ffmpeg(THROUGH);
    process.kill(ffmpeg.pid ?? 0, 'SIGSTOP');
    const written = ffmpeg.write(Buffer.alloc(2 ** 22));
    process.kill(ffmpeg.pid ?? 0, 'SIGKILL');
    assert.equal(await written, false);
    assert.equal(await ffmpeg.write(Buffer.alloc(2 ** 22)), false);
    assert.equal((await ffmpeg.exit).signal, 'SIGKILL');
  });

  test('gets room from its writer only as fast as it reads', async () => {
    const ffmpeg = new Ffmpeg(THROUGH);
    process.kill(ffmpeg.pid ?? 0, 'SIGSTOP');
    let written = false;
    const writing = ffmpeg.write(Buffer.alloc(2 ** 22)).then(() => (written = true));
    // Room comes by an event: whatever is ready now has its turn first.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.equal(written, false);
    process.kill(ffmpeg.pid ?? 0, 'SIGCONT');
    const reading = Array.fromAsync(ffmpeg.output);
    await writing;
    ffmpeg.end();
    await reading;
  });
});

suite('what is around the child', () => {
  test('its environment holds nothing of ours but where to find programs', async () => {
    process.env['FOOTFALL_TEST_SECRET'] = 'very secret';
    const ffmpeg = new Ffmpeg(ENDLESS);
    try {
      // Until it has become ffmpeg, the child is a copy of this process.
      await until(() => readFileSync(`/proc/${ffmpeg.pid}/comm`, 'utf8').startsWith('ffmpeg'));
      const names = readFileSync(`/proc/${ffmpeg.pid}/environ`, 'utf8')
        .split('\0')
        .map((entry) => entry.split('=')[0]);
      assert.deepEqual(
        names.filter((name) => !['', 'PATH', 'LD_LIBRARY_PATH', 'AV_LOG_FORCE_NOCOLOR'].includes(name ?? '')),
        [],
      );
    } finally {
      delete process.env['FOOTFALL_TEST_SECRET'];
      await ffmpeg.stop();
    }
  });

  for (const [kind, job] of Object.entries({ 'that writes': ENDLESS, 'that reads': THROUGH })) {
    test(`a child ${kind} dies with this process, even when it is killed`, async () => {
      const script = `import { Ffmpeg } from ${JSON.stringify(new URL('./ffmpeg.ts', import.meta.url))};
        const ffmpeg = new Ffmpeg(${JSON.stringify(job)});
        process.stdout.write(String(ffmpeg.pid));
        setInterval(() => {}, 1000);`;
      const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
      parent.kill('SIGKILL');
      await until(() => isGone(Number(pid)));
    });
  }
});

test('an option that 5.1 renamed has its former name where an older one is allowed and there', async () => {
  const job = { inputOptions: [], input: 'x', outputOptions: ['-fps_mode', 'passthrough'] };
  const argumentsOf = (version: string, allowOld?: string) =>
    withFfmpeg(
      program('renamed', `ffmpeg version ${version} Copyright`),
      async () => {
        await inspectFfmpeg();
        return Buffer.concat(await Array.fromAsync(new Ffmpeg(job).output)).toString();
      },
      allowOld,
    );
  assert.match(await argumentsOf('4.4', '1'), / -vsync passthrough /);
  assert.match(await argumentsOf('5.1', '1'), / -fps_mode passthrough /);
  assert.match(await argumentsOf('5.1'), / -fps_mode passthrough /);
});

suite('the check at the start', () => {
  test('passes with the one that is here', async () => {
    assert.equal(await requireFfmpeg(), execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }).split(' ')[2]);
  });
  for (const version of ['5.1', 'n6.0.1', '10.0', 'N-112345-gabcdef', '7.1.1-static']) {
    test(`passes with ${version}`, async () =>
      assert.equal(await withFfmpeg(program(version, `ffmpeg version ${version} Copyright`), requireFfmpeg), version));
  }
  test('names the version that is too old', () =>
    assert.rejects(
      withFfmpeg(program('old', 'ffmpeg version 4.4.2-0ubuntu0 Copyright'), requireFfmpeg),
      /needs ffmpeg 5\.1 or later .* is 4\.4\.2-0ubuntu0\.$/,
    ));
  test('knows a build from git by its libavcodec', async () => {
    const banner = (libavcodec: string) => `ffmpeg version N-47683-g0e8eb07980-static Copyright\nlibavcodec     ${libavcodec}`;
    const path = program('git', banner('58. 42.100 / 58. 42.100'));
    await assert.rejects(withFfmpeg(path, requireFfmpeg), /is N-47683-g0e8eb07980-static\.$/);
    assert.equal(await withFfmpeg(path, requireFfmpeg, '1'), 'N-47683-g0e8eb07980-static');
    assert.equal((await inspectFfmpeg(program('git', banner('59. 37.100 / 59. 37.100')))).isOld, false);
  });
  test('says that there is none', () =>
    assert.rejects(withFfmpeg(join(folder, 'nothing'), requireFfmpeg), /needs ffmpeg 5\.1 or later .*nothing: there is none\.$/));
  test('says that it is something else', () =>
    assert.rejects(withFfmpeg(program('other', 'hello'), requireFfmpeg), /other is something else\.$/));

  test('a child for which no file can be opened does not start, and says so', () => {
    const script = `
      import { openSync } from 'node:fs';
      import { Ffmpeg } from '${new URL('ffmpeg.ts', import.meta.url).href}';
      try { for (;;) openSync('/dev/null'); } catch { /* None is left. */ }
      const { lastWords } = await new Ffmpeg({ inputOptions: [], input: 'x', outputOptions: [] }).exit;
      process.stdout.write(lastWords.join());`;
    const ran = spawnSync('sh', ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script], {
      encoding: 'utf8',
    });
    assert.match(ran.stdout, /^ffmpeg did not start: spawn .* EMFILE$/, ran.stderr);
  });

  test('a child without a program does not start, and says so', async () => {
    const ffmpeg = await withFfmpeg(join(folder, 'nothing'), async () => new Ffmpeg(ENDLESS));
    assert.deepEqual(await Array.fromAsync(ffmpeg.output), []);
    assert.equal(await ffmpeg.write(Buffer.alloc(10)), false);
    const exit = await ffmpeg.stop();
    assert.deepEqual({ code: exit.code, signal: exit.signal }, { code: undefined, signal: undefined });
    assert.match(exit.lastWords.join(), /ffmpeg did not start: .*ENOENT/);
  });
});
