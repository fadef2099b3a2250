/**
 * Loads CameraStreams from YAML files, for local mode and to validate files before they are applied. What kubectl takes is
 * read: Lists, empty documents, and objects of other API groups, which are passed over. Every fault is reported, not only
 * the first, and none repeats a text that may be a password.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { parseDocuments } from './documents.ts';
import type { FieldPath, PlainDocument } from './documents.ts';
import { must, patterned, show } from './fields.ts';
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
  /** What the files hold beside: no fault, but for the user to know. */
  readonly passedOver: Fault[];
}

/** Sources that are files become absolute paths; a relative one is resolved in the folder of its YAML file. */
export function loadCameraStreams(paths: readonly string[]): Loaded {
  return joined(
    paths.map((path) => {
      const text = readText(path);
      if (typeof text !== 'string') return { file: path, found: [], faults: [text], passedOver: [] };
      return withResolvedSources(validateText(text, path));
    }),
  );
}

/** As `loadCameraStreams`, for a text, whose sources stay as they are. `name` takes the place of the file in faults. */
export function parseCameraStreams(text: string, name: string): Loaded {
  return joined([validateText(text, name)]);
}

/** One line, such as `door.yaml, document 1 (line 9): spec.lines[0].from.x must be a whole number from 0 to 1000, found 1200.` */
export function formatFault({ file, document, line, path, message }: Fault): string {
  const where = [file, ...(document === undefined ? [] : [`document ${document}`])].join(', ');
  return `${where}${line === undefined ? '' : ` (line ${line})`}: ${path === undefined ? 'it' : path} ${message}.`;
}

interface Found {
  readonly resource: Resource;
  readonly place: Place;
}

/** Where a resource is: a whole document, or an item of a List. */
interface Place {
  readonly file: string;
  readonly document: number;
  readonly source: PlainDocument;
  readonly path: FieldPath;
}

interface Validated {
  readonly file: string;
  readonly found: Found[];
  readonly faults: Fault[];
  readonly passedOver: Fault[];
}

function validateText(text: string, file: string): Validated {
  const validated: Validated = { file, found: [], faults: [], passedOver: [] };
  for (const source of parseDocuments(text)) {
    const document = source.number;
    validated.faults.push(...source.faults.map((fault) => ({ file, document, ...fault })));
    if (source.faults.length > 0) continue;
    for (const { path, value } of itemsOf(source.value)) {
      const place = { file, document, source, path };
      const { resource, foreign, faults } = validateItem(value);
      if (resource !== undefined) validated.found.push({ resource, place });
      if (foreign !== undefined) validated.passedOver.push(faultAt(place, [], `is passed over: ${foreign}`));
      validated.faults.push(...faults.map((fault) => faultAt(place, fault.path, fault.message)));
    }
  }
  return validated;
}

/** As kubectl: whatever has a list of items is a list, and items of a typed list need not repeat their type. */
function itemsOf(value: unknown): readonly { readonly path: FieldPath; readonly value: unknown }[] {
  const list = List.safeParse(value);
  if (!list.success || isOurs(list.data)) return [{ path: [], value }];
  const { apiVersion: version, kind, items } = list.data;
  const type = kind.endsWith('List') && kind !== 'List' ? { apiVersion: version, kind: kind.slice(0, -'List'.length) } : {};
  return items.map((item, index) => ({ path: ['items', index], value: isMapping(item) ? { ...type, ...item } : item }));
}

interface FieldFault {
  readonly path: FieldPath;
  readonly message: string;
}

interface ValidatedItem {
  readonly resource?: Resource;
  /** An object of another API group, in half a sentence. */
  readonly foreign?: string;
  readonly faults: readonly FieldFault[];
}

const kindNames = kinds.map(({ kind }) => kind);
const Head = z.object({
  apiVersion: z.literal(apiVersion, { error: must(apiVersion) }),
  kind: z.enum(kindNames, { error: must(kindNames.join(' or ')) }),
});
const Type = z.object({
  apiVersion: z.string().regex(/^([a-z0-9][-a-z0-9.]*\/)?v[a-z0-9]+$/),
  kind: z.string().regex(/^[A-Z][A-Za-z0-9]{0,62}$/),
});
const List = Type.extend({ items: z.array(z.unknown()) });
const Foreign = z.object({
  items: z.never({ error: () => 'must be left out: a list in a list is no object' }).optional(),
  metadata: z.object({ name: patterned('a name', 253, String.raw`^[A-Za-z0-9][-\w.:]*$`) }, { error: must('a mapping') }),
});

/** Misspelt types of ours are not foreign. */
function isOurs({ apiVersion: version, kind }: z.output<typeof Type>): boolean {
  return (version.startsWith(apiVersion.replace(/[^/]*$/, '')) && !kind.endsWith('List')) || kindNames.some((name) => name === kind);
}

function validateItem(value: unknown): ValidatedItem {
  if (!isMapping(value)) return { faults: [{ path: [], message: `must be a mapping, found ${show(value)}` }] };
  const type = Type.safeParse(value);
  if (type.success && !isOurs(type.data)) return validateForeign(value, type.data.kind);
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

function validateForeign(value: object, kind: string): ValidatedItem {
  const foreign = Foreign.safeParse(value);
  if (!foreign.success) return { faults: foreign.error.issues.map(({ path, message }) => ({ path, message })) };
  const hint = kind === 'Secret' ? '; local mode reads credentials from files, see --secrets' : '';
  return { foreign: `${kind} ${foreign.data.metadata.name} is no ${kindNames.join(' or ')}${hint}`, faults: [] };
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All files together. Of several resources of one kind and name, the first one is loaded. */
function joined(files: readonly Validated[]): Loaded {
  const faults = files.flatMap((file) => file.faults);
  const first = new Map<string, Found>();
  for (const found of files.flatMap((file) => file.found)) {
    const { kind, metadata } = found.resource;
    const id = `${metadata.namespace}/${metadata.name}`;
    const earlier = first.get(`${kind} ${id}`);
    if (earlier === undefined) first.set(`${kind} ${id}`, found);
    else
      faults.push(
        faultAt(
          found.place,
          ['metadata', 'name'],
          `must be unique, but ${id} is also in ${earlier.place.file}, document ${earlier.place.document}`,
        ),
      );
  }
  const streams = [...first.values()].flatMap(({ resource, place: { file, document } }) =>
    resource.kind === 'CameraStream' ? [{ stream: resource, file, document }] : [],
  );
  const passedOver = files.flatMap((file) => file.passedOver);
  for (const { file, found, faults: itsOwn } of files) {
    if (found.length > 0 || itsOwn.length > 0) continue;
    // Among others it may be a template that came to nothing.
    (first.size === 0 ? faults : passedOver).push({ file, message: 'has no CameraStream in it' });
  }
  return { streams, faults, passedOver };
}

function withResolvedSources(validated: Validated): Validated {
  const found: Found[] = [];
  const faults = [...validated.faults];
  for (const item of validated.found) {
    const { resource, place } = item;
    const path = resource.kind === 'CameraStream' ? resolvedPath(resource.spec.source.url, dirname(place.file)) : '';
    if (path === undefined) faults.push(faultAt(place, ['spec', 'source', 'url'], 'must be a file URL that names a file of this machine'));
    else found.push(resource.kind === 'CameraStream' ? { ...item, resource: withSource(resource, path) } : item);
  }
  return { ...validated, found, faults };
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

function faultAt({ file, document, source, path: base }: Place, path: FieldPath, message: string): Fault {
  const whole = [...base, ...path];
  const line = source.lineOf(whole);
  const formatted = formatPath(whole);
  return { file, document, ...(line === undefined ? {} : { line }), ...(formatted === '' ? {} : { path: formatted }), message };
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
