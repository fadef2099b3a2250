/** Writes the CRD, or with --check says whether the committed one is fresh. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crdText } from './crd.ts';

const file = new URL('footfall.dev_camerastreams.yaml', import.meta.url);

if (!process.argv.includes('--check')) {
  writeFileSync(file, crdText());
} else if (committed() !== crdText()) {
  console.error('crds/footfall.dev_camerastreams.yaml does not match crds/schema.ts. Mend it with: npm run generate');
  process.exitCode = 1;
}

function committed(): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
