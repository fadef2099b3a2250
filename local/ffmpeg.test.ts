/** Which ffmpeg is used, for each that this machine may have. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, beforeEach, suite, test } from 'node:test';
import { chooseFfmpeg, packagedFfmpeg } from './ffmpeg.ts';

const folder = mkdtempSync(join(tmpdir(), 'footfall-choice-'));
const variables = { PATH: process.env['PATH'], FFMPEG_PATH: process.env['FFMPEG_PATH'] };
after(() => {
  for (const [name, value] of Object.entries(variables)) setVariable(name, value);
  rmSync(folder, { recursive: true });
});

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** A folder with an `ffmpeg` that says this version; in the style of builds from git, which have no number, its libavcodec's, too. */
function machineWith(version: string, libavcodec = ''): string {
  const bin = join(folder, version);
  mkdirSync(bin, { recursive: true });
  const path = join(bin, 'ffmpeg');
  writeFileSync(path, `#!/bin/sh\necho 'ffmpeg version ${version} Copyright'\n${libavcodec && `echo 'libavcodec     ${libavcodec}'\n`}`);
  chmodSync(path, 0o755);
  return bin;
}

const packaged = async () => join(machineWith('N-47683-gabc', '58. 42.100 / 58. 42.100'), 'ffmpeg');
const files = { cameras: false, allowOld: false, packaged };
const cameras = { ...files, cameras: true };

beforeEach(() => {
  setVariable('PATH', join(folder, 'nothing'));
  setVariable('FFMPEG_PATH', undefined);
});

suite('ffmpeg 5.1 or later on PATH', () => {
  for (const [version, libavcodec] of [['5.1'], ['7.1.1-static'], ['N-112345-gabc', '60.  3.100 / 60.  3.100']] as const) {
    test(`is used for everything, without a word: ${version}`, async () => {
      setVariable('PATH', machineWith(version, libavcodec));
      assert.deepEqual(await chooseFfmpeg(cameras), { environment: {} });
    });
  }
});

suite('without one', () => {
  test('files are read with the one that npm brings, and the user is told why', async () => {
    assert.deepEqual(await chooseFfmpeg(files), {
      environment: { FFMPEG_PATH: await packaged(), FFMPEG_ALLOW_OLD: '1' },
      notice:
        'Using ffmpeg N-47683-gabc, which npm brings, because there is none on PATH; it does not notice that a Matroska file is cut short or that H.264 is damaged, and cameras need 5.1 or later.',
    });
  });

  test('so they are where the one on PATH is too old', async () => {
    setVariable('PATH', machineWith('4.4.2-0ubuntu0'));
    const { environment, notice } = await chooseFfmpeg(files);
    assert.equal(environment['FFMPEG_PATH'], await packaged());
    assert.match(notice ?? '', /because ffmpeg on PATH is 4\.4\.2-0ubuntu0/);
  });

  test('cameras ask for 5.1 and say how to install it', async () => {
    const needed = 'Footfall needs ffmpeg 5.1 or later on PATH, or its path in FFMPEG_PATH: ffmpeg: there is none';
    const message = `${needed} (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg).`;
    await assert.rejects(chooseFfmpeg(cameras), { message });
    await assert.rejects(chooseFfmpeg({ ...cameras, allowOld: true }), { message }, 'the one that npm brings cannot read them');
  });

  test('cameras are read with 5.0 when the user says so', async () => {
    setVariable('PATH', machineWith('5.0.3'));
    await assert.rejects(chooseFfmpeg(cameras), /ffmpeg on PATH is 5\.0\.3 \(.*; --allow-old-ffmpeg accepts this one\)\.$/);
    assert.deepEqual(await chooseFfmpeg({ ...cameras, allowOld: true }), {
      environment: { FFMPEG_ALLOW_OLD: '1' },
      notice: 'Using ffmpeg 5.0.3: it is older than 5.1, and --allow-old-ffmpeg accepts that.',
    });
  });

  test('an older one cannot read cameras, whatever the user says, but files', async () => {
    setVariable('PATH', machineWith('4.4.2-0ubuntu0'));
    await assert.rejects(
      chooseFfmpeg({ ...cameras, allowOld: true }),
      /ffmpeg on PATH is 4\.4\.2-0ubuntu0 \(.*macOS: brew install ffmpeg\)\.$/,
    );
    assert.deepEqual((await chooseFfmpeg({ ...files, allowOld: true })).environment, { FFMPEG_ALLOW_OLD: '1' });
  });

  test('where npm brings none either, the user is told how to install it', async () => {
    await assert.rejects(chooseFfmpeg({ ...files, packaged: async () => undefined }), /there is none \(Debian and Ubuntu: apt-get install/);
  });

  test('one that FFMPEG_PATH names is not replaced by another', async () => {
    setVariable('FFMPEG_PATH', '/nowhere/ffmpeg');
    await assert.rejects(chooseFfmpeg(files), /\/nowhere\/ffmpeg: there is none/);
    setVariable('FFMPEG_PATH', join(machineWith('4.2'), 'ffmpeg'));
    await assert.rejects(chooseFfmpeg(files), /Footfall needs ffmpeg 5\.1 or later, and .*4\.2.ffmpeg is 4\.2 \(/);
  });
});

test(
  'the one that npm brings for this machine runs',
  { skip: (await packagedFfmpeg()) === undefined && 'npm has none for this machine' },
  async () => {
    const { environment } = await chooseFfmpeg({ cameras: false, allowOld: false });
    assert.equal(environment['FFMPEG_PATH'], await packagedFfmpeg());
  },
);
