/** CHANGELOG.md: a section of level two for each release, the newest first, and above them what is unreleased. */

const UNRELEASED = '## Unreleased';

/** The entries of "Unreleased" become those of the version; a new empty "Unreleased" is above them. @throws Error with one sentence. */
export function cutChangelog(text: string, version: string, date: string): string {
  if (sectionOf(text, headingOf(version)) !== undefined) throw new Error(`CHANGELOG.md has a section ${version} already.`);
  const entries = sectionOf(text, UNRELEASED);
  if (entries === undefined) throw new Error(`CHANGELOG.md has no section "${UNRELEASED}".`);
  if (entries === '') throw new Error('CHANGELOG.md names nothing unreleased: there is nothing to release.');
  return text.replace(/^## Unreleased$/m, `${UNRELEASED}\n\n${headingOf(version)} (${date})`);
}

/** The entries of a version, for the notes of its release. @throws Error with one sentence. */
export function notesOf(text: string, version: string): string {
  const entries = sectionOf(text, headingOf(version));
  if (entries === undefined || entries === '') throw new Error(`CHANGELOG.md has no entries for ${version}.`);
  return `${entries}\n`;
}

function headingOf(version: string): string {
  return `## ${version}`;
}

/** What is below a heading, up to the next one of its level; a date may follow the heading. */
function sectionOf(text: string, heading: string): string | undefined {
  const lines = text.split('\n');
  const begin = lines.findIndex((line) => line === heading || line.startsWith(`${heading} (`));
  if (begin === -1) return undefined;
  const length = lines.slice(begin + 1).findIndex((line) => line.startsWith('## '));
  return lines
    .slice(begin + 1, length === -1 ? undefined : begin + 1 + length)
    .join('\n')
    .trim();
}
