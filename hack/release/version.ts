/** Versions of releases: MAJOR.MINOR.PATCH. There are no candidates: a rehearsal makes all that can be tried beforehand. */

const PATTERN = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/;

export function isVersion(text: string): boolean {
  return PATTERN.test(text);
}

export function isNewer(version: string, than: string): boolean {
  const [ours, theirs] = [partsOf(version), partsOf(than)];
  const differing = ours.findIndex((part, index) => part !== theirs[index]);
  return differing !== -1 && ours[differing]! > theirs[differing]!;
}

function partsOf(version: string): number[] {
  if (!isVersion(version)) throw new Error(`${version} is no version such as 1.2.3.`);
  return version.split('.').map(Number);
}
