/** Every reason that a status can contain has a row in the page on troubleshooting. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GapReason, RefusalReason } from '#proto/wire/protocol.ts';
import { inOneWord } from '../../counter-service/src/ledger/stream-state.ts';
import { CHART } from './schema.ts';

const page = readFileSync(new URL('docs/troubleshooting.md', CHART), 'utf8');
const rows = new Set(page.split('\n').flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map(([, reason]) => reason!)));
/** Reasons of file sources, which only local mode reads. */
const OF_FILES = new Set(['FileMissing', 'FileEmpty', 'NotAVideo', 'FileCutShort']);

const sources: Readonly<Record<string, readonly string[]>> = {
  'the operator': ['streams/conditions', 'streams/reconcile', 'objects/pods']
    .flatMap((name) => reasonsIn(`operator/src/${name}.ts`, /(?:holds|fails|unknown)\('(\w+)'|reason: '(\w+)'/g))
    .filter((reason) => reason !== 'Starting'),
  'a failing camera': reasonsIn('edge-agent/src/camera/faults.ts', /^ {2}\| '(\w+)'/gm).filter((reason) => !OF_FILES.has(reason)),
  'the end of a call': [
    ...reasonsIn('counter-service/src/specs/eviction.ts', /reason: '(\w+)'/g),
    ...reasonsIn('counter-service/src/stream.ts', /ended\('Disconnected', '(\w+)'/g),
  ],
  'a refusal': Object.keys(RefusalReason)
    .filter((reason) => !reason.endsWith('UNSPECIFIED'))
    .map((reason) => (reason === 'UNDECODABLE' ? 'UnsupportedCodec' : inOneWord(reason))),
  'a gap': Object.keys(GapReason)
    .filter((reason) => !reason.endsWith('UNSPECIFIED'))
    .map(inOneWord),
};

for (const [source, reasons] of Object.entries(sources)) {
  test(`every reason of ${source} has a row`, () => {
    assert.ok(reasons.length > 2, 'reasons were found');
    assert.deepEqual(
      reasons.filter((reason) => !rows.has(reason)),
      [],
    );
  });
}

function reasonsIn(path: string, pattern: RegExp): string[] {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  return [...new Set([...text.matchAll(pattern)].flatMap((match) => match.slice(1).filter(Boolean)))] as string[];
}
