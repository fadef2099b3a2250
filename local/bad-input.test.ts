/** Bad input gets one clear sentence. What can be judged without processes is judged here; `bad-input.process.test.ts` has the rest. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { assertClear, call, stream, Workplace } from './fixtures/workplace.ts';

let place: Workplace;
before(() => {
  place = new Workplace();
  place.makeShortClip();
  mkdirSync(place.path('no-models'));
  place.copyModels('wrong-sum', (manifest) => manifest.replace(/("sha256": ")[0-9a-f]{8}/, '$100000000'));
});
after(() => place.remove());

interface Case {
  readonly name: string;
  readonly yaml?: string;
  readonly args?: () => string[];
  readonly ffmpeg?: string;
  /** Default 2. */
  readonly code?: number;
  /** What the one sentence must say. */
  readonly says: RegExp;
}

suite('before anything starts', () => {
  const cases: readonly Case[] = [
    { name: 'YAML that is none', yaml: 'spec: [1, 2\n', says: /bad\.yaml, document 1 \(line \d+\)/ },
    { name: 'an unknown field', yaml: stream('x', { more: ', colour: red' }), says: /spec\.colour/ },
    {
      name: 'a coordinate out of range',
      yaml: stream('x').replace('570', '1570'),
      says: /spec\.lines\[0\]\.from\.x must be a whole number from 0 to 1000, found 1570/,
    },
    { name: 'two streams of one name', yaml: `${stream('x')}---\n${stream('x')}`, says: /document 2.*metadata\.name/ },
    {
      name: 'two lines of one name',
      yaml: stream('x').replace('lines: [', 'lines: [{name: entrance, from: {x: 1, y: 1}, to: {x: 9, y: 9}}, '),
      says: /spec\.lines\[1\]\.name/,
    },
    { name: 'a line of no length', yaml: stream('x').replace('{x: 320, y: 580}', '{x: 570, y: 1000}'), says: /spec\.lines\[0\]/ },
    { name: 'no such model', yaml: stream('x', { more: ', detection: {model: my-own}' }), says: /detection\.model .*my-own/ },
    { name: 'no models at all', args: () => ['--models', place.path('no-models')], says: /no-models.*rtmdet-nano-person/ },
    { name: 'a model with another checksum', args: () => ['--models', place.path('wrong-sum')], says: /sha256/ },
    { name: 'no ffmpeg', ffmpeg: '/nowhere/ffmpeg', code: 1, says: /ffmpeg 5\.1 or later/ },
    { name: 'an unknown option', args: () => ['--colour'], says: /--colour/ },
    {
      name: 'an option with a wrong value',
      args: () => ['--output', 'xml'],
      says: /--output must be one of table, json, found xml/,
    },
    { name: 'a folder for events that is not there', args: () => ['--events', place.path('nowhere/e.jsonl')], says: /nowhere/ },
    { name: 'a descriptor for events', args: () => ['--events', '/dev/stdout'], says: /--events \/dev\/stdout .* name a file, or a pipe/ },
    { name: 'a YAML file that is not there', args: () => [place.path('nothing.yaml')], says: /nothing\.yaml/ },
  ];
  for (const [index, { name, yaml = stream('x'), args = () => [], ffmpeg, code = 2, says }] of cases.entries()) {
    test(name, async (context) => {
      if (ffmpeg !== undefined) setVariable('FFMPEG_PATH', ffmpeg, (undo) => context.after(undo));
      const ran = await call('count', '--quiet', place.write(`${index}-bad.yaml`, yaml), ...args());
      assert.match(ran.stderr, says);
      assert.equal(ran.code, code, ran.stderr);
      assertClear(ran, 1);
    });
  }

  test('events of another ledger, and no folder is left behind', async (context) => {
    const temporary = place.path('untouched');
    mkdirSync(temporary);
    setVariable('TMPDIR', temporary, (undo) => context.after(undo));
    const uid = createHash('sha256').update('default/x').digest('hex').slice(0, 32);
    const events = place.write('foreign.jsonl', `${JSON.stringify({ id: `${uid}/crossing/7` })}\n`);
    const ran = await call('count', '--quiet', place.write('x.yaml', stream('x')), '--ledger', place.path('fresh'), '--events', events);
    assert.match(ran.stderr, /foreign\.jsonl has crossing 7 of x, but the ledger counts 0: it belongs to another ledger/);
    assert.equal(ran.code, 2);
    assertClear(ran, 1);
    assert.deepEqual(readdirSync(temporary), []);
  });
});

function setVariable(name: string, value: string, later: (undo: () => void) => void): void {
  const former = process.env[name];
  process.env[name] = value;
  later(() => {
    if (former === undefined) delete process.env[name];
    else process.env[name] = former;
  });
}
