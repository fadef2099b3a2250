/**
 * CameraStreams from YAML files, for local mode and for checking files before they are applied. Reports every fault,
 * not the first, and never repeats what may be a password.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocuments } from './documents.ts';
import type { FieldPath, PlainDocument } from './documents.ts';
import { show } from './fields.ts';
import { CameraStream } from './schema.ts';
import { kindOf } from './source-kinds.ts';

/** A stream takes about 1 KiB. */
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

/** Reads all files. Sources that are files come back as absolute paths; a relative one starts at its YAML file's folder. */
export function loadCameraStreams(paths: readonly string[]): Loaded {
  return withoutRepeats(
    paths.map((path) => {
      const text = readText(path);
      if (typeof text !== 'string') return { found: [], faults: [text] };
      return withResolvedSources(judgeText(text, path));
    }),
  );
}

/** As `loadCameraStreams`, for a text that is at hand; sources stay as they are written. `name` stands for the file in faults. */
export function parseCameraStreams(text: string, name: string): Loaded {
  return withoutRepeats([judgeText(text, name)]);
}

/** One line, such as `door.yaml, document 1 (line 9): spec.lines[0].from.x must be a whole number from 0 to 1000, found 1200.` */
export function formatFault({ file, document, line, path, message }: Fault): string {
  const where = [file, ...(document === undefined ? [] : [`document ${document}`])].join(', ');
  return `${where}${line === undefined ? '' : ` (line ${line})`}: ${path === undefined ? 'it' : path} ${message}.`;
}

interface Found extends LoadedStream {
  readonly source: PlainDocument;
}

interface Judged {
  readonly found: Found[];
  readonly faults: Fault[];
}

function judgeText(text: string, file: string): Judged {
  const judged: Judged = { found: [], faults: [] };
  for (const source of parseDocuments(text)) {
    const document = source.number;
    const faults = [...source.faults];
    judged.faults.push(...faults.map((fault) => ({ file, document, ...fault })));
    if (faults.length > 0) continue;
    const result = judgeDocument(source.value);
    if (result.stream !== undefined) judged.found.push({ stream: result.stream, file, document, source });
    judged.faults.push(...result.faults.map(({ path, message }) => faultAt({ file, document, source }, path, message)));
  }
  return judged;
}

interface FieldFault {
  readonly path: FieldPath;
  readonly message: string;
}

function judgeDocument(value: unknown): { stream?: CameraStream; faults: FieldFault[] } {
  const foreign = foreignFaults(value);
  if (foreign.length > 0) return { faults: foreign };
  const result = CameraStream.safeParse(value);
  if (result.success) return { stream: result.data, faults: [] };
  const faults = result.error.issues.flatMap((issue): FieldFault[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }))
      : [{ path: issue.path, message: issue.message }],
  );
  return { faults: unique(faults) };
}

/** A document of another kind has one thing wrong with it, not as many as it has fields. */
function foreignFaults(value: unknown): FieldFault[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ path: [], message: `must be a mapping, found ${show(value)}` }];
  const head = CameraStream.pick({ apiVersion: true, kind: true }).strip().safeParse(value);
  return head.success ? [] : head.error.issues.map(({ path, message }) => ({ path, message }));
}

/** The first of several streams of one name stays. */
function withoutRepeats(files: readonly Judged[]): Loaded {
  const faults = files.flatMap((file) => file.faults);
  const first = new Map<string, Found>();
  for (const found of files.flatMap((file) => file.found)) {
    const { name, namespace } = found.stream.metadata;
    const id = `${namespace}/${name}`;
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, found);
    else
      faults.push(
        faultAt(found, ['metadata', 'name'], `must be unique, but ${id} is also in ${earlier.file}, document ${earlier.document}`),
      );
  }
  return { streams: [...first.values()].map(({ stream, file, document }) => ({ stream, file, document })), faults };
}

function withResolvedSources(judged: Judged): Judged {
  const found: Found[] = [];
  const faults = [...judged.faults];
  for (const item of judged.found) {
    const path = resolvedPath(item.stream.spec.source.url, dirname(item.file));
    if (path === undefined) faults.push(faultAt(item, ['spec', 'source', 'url'], 'must be a file URL that names a file of this machine'));
    else found.push({ ...item, stream: withSource(item.stream, path) });
  }
  return { found, faults };
}

function resolvedPath(url: string, folder: string): string | undefined {
  if (kindOf(url) !== 'file') return url;
  if (!url.startsWith('file:')) return resolve(folder, url);
  try {
    return fileURLToPath(url);
  } catch {
    return undefined; // escapes such as %2F that no path can hold
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
      return 'must be YAML in UTF-8, found what is no text';
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

/** One value may break several bounds that are said in one sentence. */
function unique(faults: readonly FieldFault[]): FieldFault[] {
  const byText = new Map(faults.map((fault) => [`${formatPath(fault.path)} ${fault.message}`, fault]));
  return [...byText.values()];
}
