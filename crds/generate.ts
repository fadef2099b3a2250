/** Writes each kind's CRD, as a manifest and as a template of the chart, and the reference; --check reports what is out of date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crdText } from './crd.ts';
import { eventSchemaText } from './events.ts';
import { kinds } from './kinds.ts';
import { referenceText } from './reference.ts';
import { group } from './schema.ts';

/** What the template adds to the metadata. */
const METADATA = `  labels:
    {{- include "footfall.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`;

const files = [
  ...kinds.flatMap((kind) => [
    { path: `crds/${group}_${kind.plural}.yaml`, text: crdText(kind) },
    { path: `charts/footfall/templates/${kind.plural}-crd.yaml`, text: templateOf(crdText(kind)) },
  ]),
  { path: 'docs/reference/camerastream.md', text: referenceText() },
  { path: 'docs/reference/events.schema.json', text: eventSchemaText() },
];

for (const { path, text } of files) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (committed(file) !== text) {
    console.error(`${path} does not match the schemas in crds/. To fix it, run: npm run generate`);
    process.exitCode = 1;
  }
}

/** Rendered if the values say so. Braces of the text are escaped: they are no part of the template. */
function templateOf(text: string): string {
  const literal = text.replaceAll('{{', '{{ "{{" }}');
  const named = literal.replace(/^metadata:\n {2}name: .*\n/m, (metadata) => `${metadata}${METADATA}`);
  if (named === literal) throw new Error('The CRD has no metadata to which the chart can add.');
  return `{{- if .Values.crds.enabled }}\n${named}{{- end }}\n`;
}

function committed(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
