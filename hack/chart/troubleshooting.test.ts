/** Every reason that can occur in a status has a row in the troubleshooting page. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GapReason, RefusalReason } from '#proto/wire/protocol.ts';
import { pascalCase } from '../../counter-service/src/ledger/stream-state.ts';
import { LineDoubtReason } from '#crds/line-doubts.ts';
import { PictureReason } from '../../counter-service/src/picture/picture.ts';
import { CHART } from './schema.ts';

const page = readFileSync(new URL('docs/troubleshooting.md', CHART), 'utf8');
const rows = new Set(page.split('\n').flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map(([, reason]) => reason!)));
/** Faults of files, which are for local mode. */
const OF_FILES = new Set(['FileMissing', 'FileEmpty', 'NotAVideo', 'FileCutShort']);

const sources: Readonly<Record<string, readonly string[]>> = {
  'of the operator': ['streams/conditions', 'streams/reconcile', 'objects/pods']
    .flatMap((name) => reasonsIn(`operator/src/${name}.ts`, /(?:holds|fails|unknown)\('(\w+)'|reason: '(\w+)'/g))
    .filter((reason) => reason !== 'Starting'),
  'of a finding': [
    ...Object.values(PictureReason),
    ...Object.values(LineDoubtReason),
    ...['pace', 'certainty'].flatMap((name) => reasonsIn(`counter-service/src/analysis/${name}.ts`, /reason: '(\w+)'/g)),
  ],
  'of a camera': reasonsIn('edge-agent/src/camera/faults.ts', /^ {2}\| '(\w+)'/gm).filter((reason) => !OF_FILES.has(reason)),
  'of an ended stream': [
    ...reasonsIn('counter-service/src/specs/eviction.ts', /reason: '(\w+)'/g),
    ...reasonsIn('counter-service/src/stream.ts', /reportEnd\('Disconnected', '(\w+)'/g),
  ],
  'of a refusal': Object.keys(RefusalReason)
    .filter((reason) => !reason.endsWith('UNSPECIFIED'))
    .map((reason) => (reason === 'UNDECODABLE' ? 'UnsupportedCodec' : pascalCase(reason))),
  'of a gap': Object.keys(GapReason)
    .filter((reason) => !reason.endsWith('UNSPECIFIED'))
    .map(pascalCase),
};

for (const [what, reasons] of Object.entries(sources)) {
  test(`each reason ${what} has its row`, () => {
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
