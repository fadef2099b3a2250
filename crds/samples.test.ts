import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatFault, loadCameraStreams } from './load.ts';
import { beginningsOf, schemesWhere } from './source-kinds.ts';

const folder = join(import.meta.dirname, 'samples');
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

const beginnings = beginningsOf(
  schemesWhere(() => true),
  'file:///',
);

const refused: Readonly<Record<string, string>> = {
  'api-version': 'line 2): apiVersion must be footfall.dev/v1alpha1, found "footfall.dev/v1".',
  kind: 'line 3): kind must be CameraStream, found "Camera".',
  'coordinate-out-of-range': 'line 11): spec.lines[0].from.x must be a whole number from 0 to 1000, found 1200.',
  'float-coordinate': 'line 12): spec.lines[0].to.x must be a whole number from 0 to 1000, found 0.5.',
  'credentials-in-query':
    'line 8): spec.source.url must not contain a user name or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40).',
  'password-in-path':
    'line 8): spec.source.url must not contain a user name or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40).',
  'credentials-in-url':
    'line 8): spec.source.url must not contain a user name or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40).',
  'duplicate-line-names': 'line 13): spec.lines[1].name must be unique in its list, found "entrance" again.',
  'duplicate-zone-names': 'line 12): spec.zones[1].name must be unique in its list, found "queue" again.',
  'frames-per-second': 'line 14): spec.detection.framesPerSecond must be a whole number from 1 to 30, found 0.',
  'insecure-rtsps':
    'line 9): spec.source.insecureSkipTLSVerify must be left out but for rtmps:// or https://, whose certificates are verified.',
  'line-name':
    'line 10): spec.lines[0].name must be a name of lower-case letters, digits and dashes (at most 63 characters), found "Main door".',
  'line-of-no-length': 'line 10): spec.lines[0] must have a length: from and to are the same point.',
  'malformed-address':
    'line 8): spec.source.url must be an address such as rtsp://10.0.0.8:554/stream2, without spaces, # or braces (but {username} and {password}), or the path of a file.',
  'other-key':
    'line 8): spec.source.url must be an address such as rtsp://10.0.0.8:554/stream2, without spaces, # or braces (but {username} and {password}), or the path of a file.',
  brace:
    'line 8): spec.source.url must be an address such as rtsp://10.0.0.8:554/stream2, without spaces, # or braces (but {username} and {password}), or the path of a file.',
  'keys-without-secret': 'line 7): spec.source.credentialsSecretRef must name the Secret that has what stands in braces in url.',
  'missing-source': 'line 6): spec.source is missing; it must be a mapping.',
  'node-selector': 'line 13): spec.nodeSelector must have label keys, such as kubernetes.io/arch, as its keys.',
  'nothing-to-count-at': 'line 6): spec must have at least one line or zone to count at.',
  'polygon-of-two-points': 'line 11): spec.zones[0].polygon must be a list of 3 to 32, found a list of 2.',
  'polygon-without-area': 'line 11): spec.zones[0].polygon must enclose an area: its corners lie on one straight line.',
  'realtime-camera': 'line 9): spec.source.realtime must be left out for a camera; it is for files.',
  region: 'line 14): spec.detection.region must be auto or full, found "half".',
  'stream-name':
    'line 5): metadata.name must be a name of lower-case letters, digits and dashes (at most 63 characters), found "store.door".',
  toleration: 'line 16): spec.tolerations[0].value must be left out when operator is Exists.',
  'unknown-field':
    'line 9): spec.source.transprot is not a known field; known here: url, transport, credentialsSecretRef, insecureSkipTLSVerify, realtime.',
  'unencrypted-transport': 'line 9): spec.source.transport must be tcp for rtsps://, whose encryption covers nothing else.',
  'unsupported-scheme': `line 8): spec.source.url must begin with ${beginnings}, or be the path of a file.`,
  'wrong-type': 'line 13): spec.buffer must be a mapping, found "large".',
};

for (const file of files.filter((name) => name.startsWith('valid-'))) {
  test(`${file} is accepted`, () => {
    const { streams, faults } = loadCameraStreams([join(folder, file)]);
    assert.deepEqual(faults, []);
    assert.equal(streams.length, file === 'valid-two-streams.yaml' ? 2 : 1);
  });
}

const examples = join(import.meta.dirname, '..', 'examples');
for (const file of readdirSync(examples).filter((name) => name.endsWith('.yaml'))) {
  test(`examples/${file} is accepted`, () => {
    const { streams, faults } = loadCameraStreams([join(examples, file)]);
    assert.deepEqual(faults, []);
    assert.equal(streams.length, 1);
  });
}

for (const [fault, sentence] of Object.entries(refused)) {
  test(`invalid-${fault}.yaml is refused with one sentence that names the fault`, () => {
    const file = join(folder, `invalid-${fault}.yaml`);
    const { streams, faults } = loadCameraStreams([file]);
    assert.deepEqual(streams, []);
    assert.deepEqual(faults.map(formatFault), [`${file}, document 1 (${sentence}`]);
  });
}

test('every invalid sample is in the table', () => {
  assert.deepEqual(
    files.filter((file) => file.startsWith('invalid-')),
    Object.keys(refused)
      .map((fault) => `invalid-${fault}.yaml`)
      .toSorted(),
  );
});
