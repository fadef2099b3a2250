import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { formatFault, loadCameraStreams, parseCameraStreams } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'footfall-crds-'));
after(() => rmSync(folder, { recursive: true }));

function stream(name: string, url = 'rtsp://10.0.0.8/stream2'): string {
  return `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: ${name}}
spec:
  source: {url: ${JSON.stringify(url)}}
  lines: [{name: entrance, from: {x: 500, y: 200}, to: {x: 500, y: 600}}]
`;
}

const itsSecret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: door-camera}\nstringData: {username: viewer, password: correct-horse}\n';

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

function faultsOf(text: string): string[] {
  return parseCameraStreams(text, 'door.yaml').faults.map(formatFault);
}

test('a field that is left out has its default', () => {
  const [loaded] = parseCameraStreams(stream('door'), 'door.yaml').streams;
  assert.equal(loaded?.stream.metadata.namespace, 'default');
  assert.deepEqual(loaded?.stream.spec, {
    source: { url: 'rtsp://10.0.0.8/stream2', transport: 'tcp', insecureSkipTLSVerify: false, realtime: false },
    suspend: false,
    lines: [{ name: 'entrance', from: { x: 500, y: 200 }, to: { x: 500, y: 600 } }],
    zones: [],
    detection: { model: 'rtmdet-nano-person', framesPerSecond: 10, view: 'Oblique', region: 'auto' },
    buffer: { seconds: 120, megabytes: 64, overload: 'lossless', maxLagSeconds: 5 },
  });
});

test('a stream has its file and document', () => {
  const file = write('two.yaml', `${stream('a')}---\n${stream('b')}`);
  const { streams } = loadCameraStreams([file]);
  assert.deepEqual(
    streams.map((loaded) => [loaded.file, loaded.document, loaded.stream.metadata.name]),
    [
      [file, 1, 'a'],
      [file, 2, 'b'],
    ],
  );
});

test('the path of a file source is relative to the folder of the YAML file; a camera stays as it is', () => {
  const clip = join(folder, 'a clip.mp4');
  const file = write(
    'sources.yaml',
    [stream('relative', './a clip.mp4'), stream('absolute', clip), stream('url', pathToFileURL(clip).href), stream('camera')].join('---\n'),
  );
  const { streams, faults } = loadCameraStreams([file]);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    streams.map((loaded) => loaded.stream.spec.source.url),
    [clip, clip, clip, 'rtsp://10.0.0.8/stream2'],
  );
});

test('a file URL that is no path is a fault', () => {
  const file = write('escape.yaml', stream('door', 'file:///a%2Fb'));
  assert.deepEqual(loadCameraStreams([file]).faults.map(formatFault), [
    `${file}, document 1 (line 5): spec.source.url must be a file URL that names a file of this machine.`,
  ]);
});

test('several faults of a document are reported at once, and other documents still load', () => {
  const broken = stream('b').replace('200', '2000').replace('600', 'low').replace('spec:', 'spec:\n  buffer: {second: 1}');
  const { streams, faults } = parseCameraStreams(`${stream('a')}---\n${broken}`, 'door.yaml');
  assert.equal(streams.length, 1);
  assert.deepEqual(faults.map(formatFault), [
    'door.yaml, document 2 (line 14): spec.lines[0].from.y must be a whole number from 0 to 1000, found 2000.',
    'door.yaml, document 2 (line 14): spec.lines[0].to.y must be a whole number from 0 to 1000, found "low".',
    'door.yaml, document 2 (line 12): spec.buffer.second is not a known field; known here: seconds, megabytes, overload, maxLagSeconds.',
  ]);
});

test('of two streams of one name, in any files, the second one is a fault', () => {
  const first = write('first.yaml', stream('door'));
  const second = write('second.yaml', `${stream('gate')}---\n${stream('door')}`);
  const { streams, faults } = loadCameraStreams([first, second]);
  assert.deepEqual(
    streams.map((loaded) => loaded.stream.metadata.name),
    ['door', 'gate'],
  );
  assert.deepEqual(faults.map(formatFault), [
    `${second}, document 2 (line 10): metadata.name must be unique, but default/door is also in ${first}, document 1.`,
  ]);
});

test('files that cannot be read', () => {
  const missing = join(folder, 'missing.yaml');
  const binary = write('binary.yaml', Uint8Array.of(0xff, 0xfe, 0x00));
  const huge = write('huge.yaml', '#'.repeat(1024 * 1024 + 1));
  assert.deepEqual(loadCameraStreams([missing, folder, binary, huge]).faults.map(formatFault), [
    `${missing}: it does not exist.`,
    `${folder}: it must be a file, found a folder.`,
    `${binary}: it must be YAML in UTF-8, found other bytes.`,
    `${huge}: it must be YAML of at most 1 MiB.`,
  ]);
});

test('empty documents are passed over, also those of comments, and the others keep their numbers', () => {
  const { streams, faults, passedOver } = parseCameraStreams(
    `---\n# Source: shop/templates/doors.yaml\n---\n${stream('a')}---\n---\n~\n---\n${stream('b')}---\n# the end\n`,
    'door.yaml',
  );
  assert.deepEqual([faults, passedOver], [[], []]);
  assert.deepEqual(
    streams.map((loaded) => [loaded.document, loaded.stream.metadata.name]),
    [
      [2, 'a'],
      [5, 'b'],
    ],
  );
});

const item = (text: string) => `- ${text.replaceAll('\n', '\n  ')}\n`;
const lists: Readonly<Record<string, string>> = {
  List: `apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ""}\nitems:\n${item(stream('a'))}${item(stream('b'))}`,
  CameraStreamList: `apiVersion: footfall.dev/v1alpha1\nkind: CameraStreamList\nmetadata: {continue: ""}\nitems:\n${item(stream('a'))}${item(stream('b').replace(/^.*\n.*\n/, ''))}`,
};
for (const [kind, text] of Object.entries(lists)) {
  test(`a ${kind} is read, and its files are resolved`, () => {
    const { streams, faults } = loadCameraStreams([write(`${kind}.yaml`, text.replaceAll('"rtsp://10.0.0.8/stream2"', 'clip.mp4'))]);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      streams.map((loaded) => [loaded.stream.metadata.name, loaded.stream.spec.source.url]),
      [
        ['a', join(folder, 'clip.mp4')],
        ['b', join(folder, 'clip.mp4')],
      ],
    );
  });
}

test('the second stream of a name is a fault in a List, too', () => {
  assert.deepEqual(faultsOf(`apiVersion: v1\nkind: List\nitems:\n${item(stream('a'))}${item(stream('a'))}`), [
    'door.yaml, document 1 (line 13): items[1].metadata.name must be unique, but default/a is also in door.yaml, document 1.',
  ]);
});

test('merge keys are read as kubectl does', () => {
  const merged = `${stream('door')}  zones:
    - &queue {name: queue, polygon: [{x: 0, y: 0}, {x: 9, y: 0}, {x: 9, y: 9}]}
    - {<<: *queue, name: second}
    - {<<: [{name: third}, *queue]}
    - name: fourth
      <<: {polygon: [{x: 1, y: 0}, {x: 9, y: 0}, {x: 9, y: 9}]}
`;
  const { streams, faults } = parseCameraStreams(merged, 'door.yaml');
  assert.deepEqual(faults, []);
  assert.deepEqual(
    streams[0]!.stream.spec.zones.map(({ name, polygon }) => [name, polygon[0]!.x]),
    [
      ['queue', 0],
      ['second', 0],
      ['third', 0],
      ['fourth', 1],
    ],
  );
});

test('objects of other groups are passed over, with a word', () => {
  const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: "a:b"}\n';
  const empty = write('template.yaml', '# disabled\n');
  const file = write('shop.yaml', `${itsSecret}---\n${stream('door')}---\n${role}`);
  const { streams, faults, passedOver } = loadCameraStreams([empty, file]);
  assert.deepEqual([streams.length, faults], [1, []]);
  assert.deepEqual(passedOver.map(formatFault), [
    `${file}, document 1 (line 1): it is passed over: Secret door-camera is no CameraStream; local mode reads credentials from files, see --secrets.`,
    `${file}, document 3 (line 13): it is passed over: Role a:b is no CameraStream.`,
    `${empty}: it has no CameraStream in it.`,
  ]);
});

const texts: readonly [string, string, readonly string[]][] = [
  ['an empty file', '', ['door.yaml: it has no CameraStream in it.']],
  ['only a comment', '# soon\n', ['door.yaml: it has no CameraStream in it.']],
  ['an empty List', 'apiVersion: v1\nkind: List\nitems: []\n', ['door.yaml: it has no CameraStream in it.']],
  ['only objects of others', itsSecret, ['door.yaml: it has no CameraStream in it.']],
  [
    'null in a List',
    `apiVersion: v1\nkind: List\nitems: [~]\n`,
    ['door.yaml, document 1 (line 3): items[0] must be a mapping, found nothing.'],
  ],
  [
    'a List in a List',
    'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, metadata: {name: a}, items: []}]\n',
    ['door.yaml, document 1 (line 3): items[0].items must be left out: a list in a list is no object.'],
  ],
  [
    'a fault in a List',
    `apiVersion: v1\nkind: List\nitems:\n- ${stream('a').replace('500,', '5000,').replaceAll('\n', '\n  ')}`,
    ['door.yaml, document 1 (line 9): items[0].spec.lines[0].from.x must be a whole number from 0 to 1000, found 5000.'],
  ],
  [
    'a foreign object without a name',
    'apiVersion: v1\nkind: Pod\nmetadata: {}\n',
    ['door.yaml, document 1 (line 3): metadata.name is missing; it must be a name (at most 253 characters).'],
  ],
  [
    'a kind of ours in a foreign group',
    stream('a').replace('footfall.dev', 'footfal.dev'),
    ['door.yaml, document 1 (line 1): apiVersion must be footfall.dev/v1alpha1, found "footfal.dev/v1alpha1".'],
  ],
  [
    'a foreign kind in our group',
    stream('a').replace('CameraStream', 'CameraSteam'),
    ['door.yaml, document 1 (line 2): kind must be CameraStream, found "CameraSteam".'],
  ],
  [
    'no kind',
    'apiVersion: v1\n',
    [
      'door.yaml, document 1 (line 1): apiVersion must be footfall.dev/v1alpha1, found "v1".',
      'door.yaml, document 1 (line 1): kind is missing; it must be CameraStream.',
    ],
  ],
  ['a merge key that names no mapping', 'a: {<<: 3}\n', ['door.yaml, document 1 (line 1): it has a merge key (<<) that names no mapping.']],
  [
    'a merge key after what it merges',
    'a: &a {b: 1}\nc:\n  b: 2\n  <<: *a\n',
    ['door.yaml, document 1 (line 4): it has a merge key (<<) after a key that it merges, too: put << first.'],
  ],
  ['a list', '- 1\n', ['door.yaml, document 1 (line 1): it must be a mapping, found a list of 1.']],
  [
    'an open bracket',
    'a: 1\nb: [1, 2\n',
    ['door.yaml, document 1 (line 3): it is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ].'],
  ],
  ['a key twice', 'a: 1\na: 2\n', ['door.yaml, document 1 (line 2): it is not YAML: Map keys must be unique.']],
  ['an alias without an anchor', 'a: 1\nb: *c\n', ['door.yaml, document 1 (line 2): it uses an alias before its anchor or inside of it.']],
  ['an alias inside of itself', 'a: &b [*b]\n', ['door.yaml, document 1 (line 1): it uses an alias before its anchor or inside of it.']],
];

for (const [what, text, expected] of texts) {
  test(`${what} is refused with a sentence`, () => assert.deepEqual(faultsOf(text), expected));
}

test('hostile texts are refused quickly', { timeout: 20_000 }, () => {
  const bomb = [
    'a0: &a0 [x]',
    ...Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]`),
  ].join('\n');
  assert.deepEqual(faultsOf(bomb), ['door.yaml, document 1: it has too many aliases.']);
  const merges = bomb.replace('[x]', '{x: 1}').replaceAll(/: (&a\d+) (\[.*\])/g, ': $1 {<<: $2}');
  assert.deepEqual(faultsOf(merges), ['door.yaml, document 1: it has too many aliases.']);
  assert.deepEqual(faultsOf(`${'['.repeat(100)}${']'.repeat(100)}`), ['door.yaml, document 1: it is nested too deeply.']);
  assert.deepEqual(faultsOf('['.repeat(500_000)), ['door.yaml, document 1: it is nested too deeply.']);
  assert.ok(faultsOf('a: 1 2: 3\n'.repeat(50_000)).length <= 10);
});

test('no fault repeats a password, in whichever field it is', () => {
  const secret = 'correct-horse';
  const wrong = [
    `rtsp://admin:${secret}@10.0.0.8/s`,
    `rtsp://admin:12/${secret}@10.0.0.8/s`,
    `http://admin:${secret}@10.0.0.8/s`,
    `admin:${secret}@10.0.0.8/s`,
    `rtsp://10.0.0.8/s?password=${secret}`,
  ].map((url) => stream('door', url));
  wrong.push(
    stream('door').replace(/source:.*/, `source: rtsp://admin:${secret}@10.0.0.8/s`),
    stream('door').replace(/source:.*/, `source: {"rtsp://admin:${secret}@10.0.0.8/s": }`),
    stream('door').replace(/source:.*/, `source: {url: rtsp://10.0.0.8/s, credentialsSecretRef: ${secret}}`),
    stream('door').replace(/source:.*/, `source: {url: rtsp://10.0.0.8/s, credentialsSecretRef: {name: "!${secret}"}}`),
    stream('door').replace(/source:.*/, `source: {url: rtsp://10.0.0.8/s, password: ${secret}}`),
    stream('door').replace(/source:.*/, `source: {password: *${secret}}`),
    stream('door').replace(/source:.*/, `source:\n    password: |${secret}\n`),
    stream('door').replace(/source:.*/, `source: {password: "\\q${secret}"}`),
    stream('door').replace(/source:.*/, `source: {password: "${secret}}`),
  );
  for (const text of wrong) {
    const faults = faultsOf(text);
    assert.ok(faults.length > 0, text);
    assert.ok(!faults.join('\n').includes(secret), faults.join('\n'));
  }
});

test('any text results in streams or faults, never in an exception', () => {
  const pieces = stream('door').split(/(?<=[\s{}[\],:])/);
  const yamlLike = fc
    .array(
      fc.oneof(
        fc.constantFrom(...pieces, '---\n', '&a ', '*a', '!t ', '? ', '- ', '<<: ', 'items: ', '__proto__: ', '"', '%'),
        fc.string({ maxLength: 4 }),
      ),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), yamlLike), (text) => {
      const { streams, faults } = parseCameraStreams(text, 'any.yaml');
      for (const fault of faults) assert.match(formatFault(fault), /^any\.yaml(, document \d+( \(line \d+\))?)?: .+\.$/s);
      assert.ok(streams.length + faults.length > 0);
    }),
    FUZZ,
  );
});
