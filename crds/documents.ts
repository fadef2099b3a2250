/** Parses YAML text into documents that know the line of each field. Aliases and depth are bounded, against hostile text. */
import { Document, isAlias, isCollection, isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Alias, Node, Pair, YAMLMap } from 'yaml';

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

/** Without the empty ones, which helm leaves between separators. */
export function parseDocuments(text: string): PlainDocument[] {
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if (documents === undefined) return [tooDeep];
  return documents
    .map((document, index) => plain(document, index + 1, lines))
    .filter(({ value, faults }) => value !== null || faults.length > 0);
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
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, stringKeys: true, merge: true, logLevel: 'error' });
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
    checkMerges(document);
    return { number, value: document.toJS({ maxAliasCount: mostAliases }) as unknown, faults: [], lineOf };
  } catch (error) {
    if (error instanceof MergeFault) return wrong(error.message, error.offset);
    // Aliases are counted after expansion: ten of ten of ten are a thousand.
    if (error instanceof ReferenceError) return wrong('has too many aliases');
    throw error;
  }
}

class MergeFault extends Error {
  readonly offset: number | undefined;

  constructor(message: string, { range }: Node) {
    super(message);
    this.offset = range?.[0];
  }
}

/**
 * Merge keys, as kubectl reads them: a later key replaces a merged one. The same key before the merge key would be replaced
 * by kubectl, and kept by other readers.
 * @throws MergeFault; ReferenceError when there are too many of them, which the parser itself does not count.
 */
function checkMerges(document: Document.Parsed): void {
  let merges = 0;
  const mergedKeys = (value: unknown, key: Node): string[] => {
    merges += 1;
    if (merges > mostAliases) throw new ReferenceError();
    const source = isAlias(value) ? value.resolve(document) : value;
    if (isSeq(source)) return source.items.flatMap((item) => mergedKeys(item, key));
    if (!isMap(source)) throw new MergeFault('has a merge key (<<) that names no mapping', key);
    return source.items.flatMap((pair) => (isMerge(pair) ? mergedKeys(pair.value, key) : [keyOf(pair)]));
  };
  const checkMap = ({ items }: YAMLMap): void => {
    const before = new Set<string>();
    for (const pair of items) {
      if (!isMerge(pair)) {
        before.add(keyOf(pair));
        continue;
      }
      const key = pair.key as Node;
      const replaced = mergedKeys(pair.value, key).find((name) => before.has(name));
      if (replaced !== undefined) throw new MergeFault('has a merge key (<<) after a key that it merges, too: put << first', key);
    }
  };
  visit(document, { Map: (_, map) => checkMap(map) });
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
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

const tooDeep: PlainDocument = { number: 1, value: undefined, faults: [{ message: 'is nested too deeply' }], lineOf: () => undefined };
