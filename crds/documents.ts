/** Parses YAML text into documents that know the line of each field. Aliases and depth are bounded, against hostile text. */
import { Document, isAlias, isCollection, isMap, isPair, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Alias, Node, Pair } from 'yaml';

/** Ten times the needs of a CameraStream. */
const mostAliases = 100;
const deepest = 64;
/** One mistake may lead to many syntax errors; the first ones show its place. */
const mostSyntaxFaults = 10;

export type FieldPath = readonly PropertyKey[];

export interface TextFault {
  readonly line?: number;
  readonly message: string;
}

export interface PlainDocument {
  /** Counts from 1. */
  readonly number: number;
  readonly value: unknown;
  readonly faults: readonly TextFault[];
  /** The line of a field, or of the nearest existing field around it. */
  lineOf(path: FieldPath): number | undefined;
}

export function parseDocuments(text: string): PlainDocument[] {
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if (documents === undefined) return [broken('is nested too deeply')];
  if (documents.length === 0) return [broken('is empty')];
  return documents.map((document, index) => plain(document, index + 1, lines));
}

export function formatDocument(value: unknown, comment: string): string {
  // kubectl reads YAML 1.1, in which a plain y is true and must be quoted.
  const document = new Document(value, { aliasDuplicateObjects: false, version: '1.1' });
  document.commentBefore = comment;
  return document.toString({ lineWidth: 0 });
}

function parse(text: string, lineCounter: LineCounter): Document.Parsed[] | undefined {
  try {
    // Without `prettyErrors: false` a message would repeat the faulty line, which may contain a password.
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, stringKeys: true, logLevel: 'error' });
    return [...documents];
  } catch (error) {
    // The parser recurses for each level of nesting: too many exhaust the stack.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function plain(document: Document.Parsed, number: number, lines: LineCounter): PlainDocument {
  const lineAt = (offset: number | undefined) => (offset === undefined ? undefined : lines.linePos(offset).line);
  const lineOf = (path: FieldPath) => lineAt(offsetOf(document, path));
  const wrong = (message: string, offset?: number): PlainDocument => ({
    number,
    value: undefined,
    faults: [fault(message, lineAt(offset))],
    lineOf,
  });

  if (document.errors.some((error) => error.code === 'RESOURCE_EXHAUSTION') || isTooDeep(document)) return wrong('is nested too deeply');
  if (document.errors.length > 0) {
    const faults = document.errors
      .slice(0, mostSyntaxFaults)
      .map((error) => fault(`is not YAML: ${withoutText(error.message)}`, lineAt(error.pos[0])));
    return { number, value: undefined, faults, lineOf };
  }
  const stray = strayAlias(document);
  if (stray !== undefined) return wrong('uses an alias before its anchor or inside of it', stray.range?.[0]);
  try {
    const value: unknown = document.toJS({ maxAliasCount: mostAliases });
    return value === null ? wrong('is empty') : { number, value, faults: [], lineOf };
  } catch (error) {
    // Aliases are counted after expansion: ten of ten of ten are a thousand.
    if (error instanceof ReferenceError) return wrong('has too many aliases');
    throw error;
  }
}

function isTooDeep(document: Document.Parsed): boolean {
  let tooDeep = false;
  visit(document, {
    Collection(_, _node, path) {
      tooDeep ||= path.filter((parent) => isCollection(parent)).length >= deepest;
      return tooDeep ? visit.BREAK : undefined;
    },
  });
  return tooDeep;
}

/** An alias before its anchor, or inside it, which would have no end. */
function strayAlias(document: Document.Parsed): Alias | undefined {
  const anchors = new Set<string>();
  let stray: Alias | undefined;
  visit(document, {
    Value(_, node) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
    },
    Alias(_, alias, path) {
      const isInside = path.some((parent) => isCollection(parent) && parent.anchor === alias.source);
      if (anchors.has(alias.source) && !isInside) return undefined;
      stray = alias;
      return visit.BREAK;
    },
  });
  return stray;
}

function fault(message: string, line: number | undefined): TextFault {
  return line === undefined ? { message } : { line, message };
}

function offsetOf(document: Document.Parsed, path: FieldPath): number | undefined {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0];
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (!isCollection(node)) return offset;
    const item: unknown = isMap(node) ? node.items.find((pair) => keyOf(pair) === String(key)) : node.items[Number(key)];
    if (item === undefined) return offset;
    const start = isPair(item) ? (item.key as Node) : (item as Node);
    offset = start.range?.[0] ?? offset;
    node = (isPair(item) ? item.value : item) as Node | null;
  }
  return offset;
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

/** The parser's message without the text that it quotes. */
function withoutText(message: string): string {
  return message.replace(/((?<=[a-z]): |(?<=escape sequence) ).*$/s, '');
}

function broken(message: string): PlainDocument {
  return { number: 1, value: undefined, faults: [{ message }], lineOf: () => undefined };
}
