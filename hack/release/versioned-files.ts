/** The files that carry the project's version, and how each is given another one. */

/** @throws Error with one sentence when the file does not carry a version where it should. */
type Rewrite = (text: string, from: string, to: string) => string;

const rewrites: readonly { readonly path: RegExp; readonly rewrite: Rewrite }[] = [
  { path: /^package\.json$/, rewrite: (text, _from, to) => json({ ...(JSON.parse(text) as object), version: to }) },
  { path: /^package-lock\.json$/, rewrite: (text, _from, to) => lockFile(text, to) },
  {
    path: /^charts\/footfall\/Chart\.yaml$/,
    rewrite: (text, _from, to) => line(line(text, /^version: .*$/m, `version: ${to}`), /^appVersion: .*$/m, `appVersion: ${to}`),
  },
  { path: /^hack\/images\/Dockerfile$/, rewrite: (text, _from, to) => line(text, /^ARG VERSION=.*$/m, `ARG VERSION=${to}`) },
  // Examples, and what helm renders of chart and values.
  { path: /^charts\/footfall\/docs\/[^/]+\.md$/, rewrite: everyMention },
  { path: /^\.github\/ISSUE_TEMPLATE\/[^/]+\.yml$/, rewrite: everyMention },
  { path: /^hack\/chart\/(golden|values)\/[^/]+\.yaml$/, rewrite: everyMention },
];

/** @returns undefined for a file that carries no version. @throws Error as its rewrite. */
export function withVersion(path: string, text: string, { from, to }: { readonly from: string; readonly to: string }): string | undefined {
  const rewritten = rewrites.find((each) => each.path.test(path))?.rewrite(text, from, to);
  return rewritten === text ? undefined : rewritten;
}

export function mentions(text: string, version: string): boolean {
  return mentionOf(version).test(text);
}

function everyMention(text: string, from: string, to: string): string {
  return text.replaceAll(mentionOf(from), to);
}

/** Not as a part of a longer number: 0.2.0 is not in 10.2.0 or 0.2.01. */
function mentionOf(version: string): RegExp {
  return new RegExp(`(?<![\\d.])${version.replaceAll('.', '\\.')}(?!\\.?\\d)`, 'g');
}

function lockFile(text: string, version: string): string {
  const lock = JSON.parse(text) as { readonly version: string; readonly packages: Readonly<Record<string, object>> };
  return json({ ...lock, version, packages: { ...lock.packages, '': { ...lock.packages[''], version } } });
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function line(text: string, pattern: RegExp, replacement: string): string {
  if (!pattern.test(text)) throw new Error(`There is no line ${pattern.source} to carry the version.`);
  return text.replace(pattern, replacement);
}
