/** The command line: its commands, what it says of itself, and how it is started. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { call, stream, Workplace } from './fixtures/workplace.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

let place: Workplace;
before(() => (place = new Workplace()));
after(() => place.remove());

suite('footfall', () => {
  test('--help names its commands, and each command has its own', async () => {
    const { code, stdout } = await call('--help');
    assert.equal(code, 0);
    for (const command of ['demo', 'count', 'validate']) {
      assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
      const help = await call(command, '--help');
      assert.equal(help.code, 0);
      assert.match(help.stdout, new RegExp(`^usage: footfall ${command} `));
    }
  });

  test('--version is that of the package', async () => {
    assert.deepEqual(await call('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const [args, sentence] of [
    [[], 'Name a command: demo, count, validate (see --help).'],
    [['cuont'], 'There is no command cuont; there are demo, count, validate (see --help).'],
    [['--colour'], "Unknown option '--colour' (see --help)."],
    [['count'], 'Name at least one YAML file with CameraStreams (see --help).'],
    [['validate', 'x.yaml', '--colour'], "Unknown option '--colour' (see --help)."],
    [['validate'], 'Name at least one YAML file with CameraStreams (see --help).'],
    [['demo', 'door.yaml'], 'The demo counts its own clip and takes no file; for door.yaml: footfall count door.yaml.'],
  ] as const) {
    test(`"${args.join(' ')}" is bad input: ${sentence}`, async () => {
      assert.deepEqual(await call(...args), { code: 2, stdout: '', stderr: `${sentence}\n` });
    });
  }
});

suite('footfall validate', () => {
  test('says that all is well, and so it does for programs', async () => {
    const file = place.write('two.yaml', `${stream('a')}---\n${stream('b')}`);
    assert.deepEqual(await call('validate', file), { code: 0, stdout: '2 CameraStreams are valid.\n', stderr: '' });
    const { code, stdout } = await call('validate', file, '--output', 'json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      valid: true,
      streams: [
        { name: 'a', namespace: 'default', file, document: 1 },
        { name: 'b', namespace: 'default', file, document: 2 },
      ],
      faults: [],
      warnings: [],
    });
  });

  test('warns of lines that nobody can cross, and takes the file', async () => {
    const file = place.write(
      'edge.yaml',
      stream('edge', { more: ', zones: []' }).replace(
        /lines: \[.*\], zones/,
        'lines: [{name: bottom, from: {x: 0, "y": 1000}, to: {x: 1000, "y": 1000}}], zones',
      ),
    );
    const { code, stdout, stderr } = await call('validate', file);
    assert.deepEqual([code, stdout], [0, '1 CameraStream is valid.\n']);
    assert.match(stderr, /^warning: .*edge\.yaml, document 1: spec\.lines\[0\] \(bottom\) can hardly be crossed: on its "in" side .*\.\n$/);
    const json = await call('validate', file, '--output', 'json');
    const { valid, warnings } = JSON.parse(json.stdout) as { valid: boolean; warnings: { path: string }[] };
    assert.deepEqual([valid, warnings.map(({ path }) => path)], [true, ['spec.lines[0]']]);
  });

  test('names every fault of every file and every model, a sentence each', async () => {
    const first = place.write('first.yaml', stream('a', { more: ', colour: red, height: 2' }));
    const second = place.write('second.yaml', stream('b', { more: ', detection: {model: my-own}' }));
    const { code, stdout, stderr } = await call('validate', first, second);
    assert.deepEqual([code, stdout], [2, '']);
    const sentences = stderr.trim().split('\n');
    assert.equal(sentences.length, 3);
    assert.match(sentences[0]!, /first\.yaml, document 1 \(line 4\): spec\.colour/);
    assert.match(sentences[1]!, /first\.yaml, document 1 \(line 4\): spec\.height/);
    assert.match(sentences[2]!, /second\.yaml, document 1: spec\.detection\.model cannot be used: there is no model "my-own"/);

    const json = await call('validate', first, second, '--output', 'json');
    assert.deepEqual([json.code, json.stderr], [2, '']);
    const { valid, faults } = JSON.parse(json.stdout) as { valid: boolean; faults: { path: string; sentence: string }[] };
    assert.equal(valid, false);
    assert.deepEqual(
      faults.map(({ sentence }) => sentence),
      sentences,
    );
    assert.deepEqual(
      faults.map(({ path }) => path),
      ['spec.colour', 'spec.height', 'spec.detection.model'],
    );
  });
});

test('the program that npm links to runs with the Node.js that npm brings, from wherever it is linked', () => {
  const bin = place.path('bin');
  mkdirSync(bin);
  // Nothing but what the script itself needs: no Node.js, no npm, no ffmpeg.
  for (const name of ['sh', 'dirname', 'readlink', 'cmp']) symlinkSync(which(name), join(bin, name));
  symlinkSync(join(root, 'local/footfall'), join(bin, 'footfall'));
  symlinkSync('bin/footfall', place.path('again'));
  const said = execFileSync(place.path('again'), ['--version'], { env: { PATH: bin }, cwd: place.folder, encoding: 'utf8' });
  assert.equal(said, `${version}\n`);
});

function which(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
}
