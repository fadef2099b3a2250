/** Writes the CRD, by itself and as the chart's template, the reference for people, and the JSON Schema of events; with --check, says which of them is not fresh. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crdText } from './crd.ts';
import { eventSchemaText } from './events.ts';
import { referenceText } from './reference.ts';

/** Of the template, beside the name. */
const METADATA = `  labels:
    {{- include "footfall.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`;

const files = {
  'crds/footfall.dev_camerastreams.yaml': crdText(),
  'charts/footfall/templates/camerastreams-crd.yaml': templateOf(crdText()),
  'docs/reference/camerastream.md': referenceText(),
  'docs/reference/events.schema.json': eventSchemaText(),
};

for (const [path, text] of Object.entries(files)) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (committed(file) !== text) {
    console.error(`${path} does not match the schemas in crds/. Mend it with: npm run generate`);
    process.exitCode = 1;
  }
}

/** For Helm: there or not, and kept or not when the release goes. What is in braces already is text, not a template. */
function templateOf(text: string): string {
  const literal = text.replaceAll('{{', '{{ "{{" }}');
  const named = literal.replace(/^metadata:\n {2}name: .*\n/m, (metadata) => `${metadata}${METADATA}`);
  if (named === literal) throw new Error('The CRD has no metadata to which the chart could add.');
  return `{{- if .Values.crds.enabled }}\n${named}{{- end }}\n`;
}

function committed(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
