/** Writes the files that are generated from the chart's schema, rights and panels; with --check, reports those out of date. */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { dashboardText } from './dashboard.ts';
import { rightsText } from './rights.ts';
import { CHART, valuesSchema } from './schema.ts';
import { referenceText, valuesText } from './values.ts';

const files: Readonly<Record<string, string>> = {
  'values.yaml': valuesText(valuesSchema()),
  'docs/values.md': referenceText(valuesSchema()),
  'docs/rights.md': rightsText(),
  'files/dashboard.json': dashboardText(),
};

for (const [path, text] of Object.entries(files)) {
  const file = new URL(path, CHART);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readCommitted(file) !== text) {
    console.error(`charts/footfall/${path} is out of date. To fix it, run: node hack/chart/generate.ts`);
    process.exitCode = 1;
  }
}

function readCommitted(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
