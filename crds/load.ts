/**
 * Loads CameraStreams from YAML files, for local mode and to validate files before they are applied. Documents of the other
 * kinds are validated, too. Every fault is reported, not only the first, and none repeats a text that may be a password.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { parseDocuments } from './documents.ts';
import type { FieldPath, PlainDocument } from './documents.ts';
import { must, show } from './fields.ts';
import { kinds, type Resource } from './kinds.ts';
import { apiVersion, type CameraStream } from './schema.ts';
import { kindOf } from './source-kinds.ts';

/** A stream has about 1 KiB. */
const largestBytes = 1024 * 1024;

export interface LoadedStream {
  readonly stream: CameraStream;
  readonly file: string;
  /** Counts from 1 within the file. */
  readonly document: number;
}

export interface Fault {
  readonly file: string;
  readonly document?: number;
  readonly line?: number;
  /** Such as `spec.lines[0].from.x`. */
  readonly path?: string;
  /** Reads on after the path: "must be ..., found ...". */
  readonly message: string;
}

export interface Loaded {
  readonly streams: LoadedStream[];
  readonly faults: Fault[];
}

/** Sources that are files become absolute paths; a relative one is resolved in the folder of its YAML file. */
export function loadCameraStreams(paths: readonly string[]): Loaded {
  return withoutRepeats(
    paths.map((path) => {
      const text = readText(path);
      if (typeof text !== 'string') return { found: [], faults: [text] };
      return withResolvedSources(validateText(text, path));
    }),
  );
}

/** As `loadCameraStreams`, for a text, whose sources stay as they are. `name` takes the place of the file in faults. */
export function parseCameraStreams(text: string, name: string): Loaded {
  return withoutRepeats([validateText(text, name)]);
}

/** One line, such as `door.yaml, document 1 (line 9): spec.lines[0].from.x must be a whole number from 0 to 1000, found 1200.` */
export function formatFault({ file, document, line, path, message }: Fault): string {
  const where = [file, ...(document === undefined ? [] : [`document ${document}`])].join(', ');
  return `${where}${line === undefined ? '' : ` (line ${line})`}: ${path === undefined ? 'it' : path} ${message}.`;
}

interface Found {
  readonly resource: Resource;
  readonly file: string;
  readonly document: number;
  readonly source: PlainDocument;
}

interface Validated {
  readonly found: Found[];
  readonly faults: Fault[];
}

function validateText(text: string, file: string): Validated {
  const validated: Validated = { found: [], faults: [] };
  for (const source of parseDocuments(text)) {
    const document = source.number;
    validated.faults.push(...source.faults.map((fault) => ({ file, document, ...fault })));
    if (source.faults.length > 0) continue;
    const { resource, faults } = validateDocument(source.value);
    if (resource !== undefined) validated.found.push({ resource, file, document, source });
    validated.faults.push(...faults.map(({ path, message }) => faultAt({ file, document, source }, path, message)));
  }
  return validated;
}

interface FieldFault {
  readonly path: FieldPath;
  readonly message: string;
}

const kindNames = kinds.map(({ kind }) => kind);
const Head = z.object({
  apiVersion: z.literal(apiVersion, { error: must(apiVersion) }),
  kind: z.enum(kindNames, { error: must(kindNames.join(' or ')) }),
});

function validateDocument(value: unknown): { resource?: Resource; faults: FieldFault[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { faults: [{ path: [], message: `must be a mapping, found ${show(value)}` }] };
  // A document of an unknown kind has one fault, not one for each of its fields.
  const head = Head.safeParse(value);
  if (!head.success) return { faults: head.error.issues.map(({ path, message }) => ({ path, message })) };
  const result = kinds.find(({ kind }) => kind === head.data.kind)!.schema.safeParse(value);
  if (result.success) return { resource: result.data, faults: [] };
  const faults = result.error.issues.flatMap((issue): FieldFault[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }))
      : [{ path: issue.path, message: issue.message }],
  );
  return { faults: unique(faults) };
}

/** Of several resources of one kind and name, the first one is loaded. */
function withoutRepeats(files: readonly Validated[]): Loaded {
  const faults = files.flatMap((file) => file.faults);
  const first = new Map<string, Found>();
  for (const found of files.flatMap((file) => file.found)) {
    const { kind, metadata } = found.resource;
    const id = `${metadata.namespace}/${metadata.name}`;
    const earlier = first.get(`${kind} ${id}`);
    if (earlier === undefined) first.set(`${kind} ${id}`, found);
    else
      faults.push(
        faultAt(found, ['metadata', 'name'], `must be unique, but ${id} is also in ${earlier.file}, document ${earlier.document}`),
      );
  }
  const streams = [...first.values()].flatMap(({ resource, file, document }) =>
    resource.kind === 'CameraStream' ? [{ stream: resource, file, document }] : [],
  );
  return { streams, faults };
}

function withResolvedSources(validated: Validated): Validated {
  const found: Found[] = [];
  const faults = [...validated.faults];
  for (const item of validated.found) {
    const { resource, file } = item;
    const path = resource.kind === 'CameraStream' ? resolvedPath(resource.spec.source.url, dirname(file)) : '';
    if (path === undefined) faults.push(faultAt(item, ['spec', 'source', 'url'], 'must be a file URL that names a file of this machine'));
    else found.push(resource.kind === 'CameraStream' ? { ...item, resource: withSource(resource, path) } : item);
  }
  return { found, faults };
}

function resolvedPath(url: string, folder: string): string | undefined {
  if (kindOf(url) !== 'file') return url;
  if (!url.startsWith('file:')) return resolve(folder, url);
  try {
    return fileURLToPath(url);
  } catch {
    return undefined; // escapes such as %2F, which no path can contain
  }
}

function withSource(stream: CameraStream, url: string): CameraStream {
  return { ...stream, spec: { ...stream.spec, source: { ...stream.spec.source, url } } };
}

function readText(file: string): string | Fault {
  try {
    const { size } = statSync(file);
    if (size > largestBytes) return { file, message: 'must be YAML of at most 1 MiB' };
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    return { file, message: readFault((error as NodeJS.ErrnoException).code) };
  }
}

function readFault(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EISDIR':
      return 'must be a file, found a folder';
    case 'EACCES':
      return 'may not be read by this user';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'must be YAML in UTF-8, found other bytes';
    default:
      return `cannot be read (${code ?? 'unknown reason'})`;
  }
}

function faultAt({ file, document, source }: Pick<Found, 'file' | 'document' | 'source'>, path: FieldPath, message: string): Fault {
  const line = source.lineOf(path);
  const text = formatPath(path);
  return { file, document, ...(line === undefined ? {} : { line }), ...(text === '' ? {} : { path: text }), message };
}

function formatPath(path: FieldPath): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(String(key))) text += `${text === '' ? '' : '.'}${String(key)}`;
    else text += `[${show(String(key))}]`;
  }
  return text;
}

/** One value may break several bounds of the same sentence. */
function unique(faults: readonly FieldFault[]): FieldFault[] {
  const byText = new Map(faults.map((fault) => [`${formatPath(fault.path)} ${fault.message}`, fault]));
  return [...byText.values()];
}
