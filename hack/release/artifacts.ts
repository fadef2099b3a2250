/** The files of a release: chart package, SBOM, notes, and the checksums of what is downloaded. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../e2e/commands.ts';
import { notesOf } from './changelog.ts';
import { listPackages, packageChart, typed } from './commands.ts';
import { Outcome } from './summary.ts';
import type { Work } from './work.ts';

/** What is used of CycloneDX. */
interface Sbom {
  readonly metadata: { readonly component: object };
  readonly components: readonly object[];
}

/** @returns where the chart's package is, or would be. */
export async function writeArtifacts(
  work: Work,
  { helm, withoutHelm }: { readonly helm: string | undefined; readonly withoutHelm: string | undefined },
): Promise<string> {
  const { tree, directory, version, report, signal } = work;
  const chart = join(directory, `footfall-${version}.tgz`);
  const files = [await writeSbom(work)];
  if (helm === undefined) {
    report.step({ step: 'chart', outcome: Outcome.skipped, sentence: `${basename(chart)} is not packaged: ${withoutHelm}.` });
  } else {
    const command = packageChart(helm, directory);
    await run(command.program, command.args, { folder: tree, signal });
    files.push(chart);
    report.step({ step: 'chart', outcome: Outcome.done, sentence: `${basename(chart)} is packaged.`, commands: [typed(command)] });
  }
  await writeFile(join(directory, 'notes.md'), notesOf(await readFile(join(tree, 'CHANGELOG.md'), 'utf8'), version));
  report.step({ step: 'notes', outcome: Outcome.done, sentence: `notes.md has the entries of ${version} in CHANGELOG.md.` });
  await writeChecksums(files, work);
  return chart;
}

/** Of npm packages. Debian's packages and Node.js are in the SBOM that BuildKit attaches to each image. */
async function writeSbom({ tree, directory, version, report, signal }: Work): Promise<string> {
  const file = join(directory, `footfall-${version}.cdx.json`);
  const sbom = JSON.parse(await run(listPackages.program, listPackages.args, { folder: tree, signal })) as Sbom;
  // npm calls the component what the folder is called.
  const named = { ...sbom, metadata: { ...sbom.metadata, component: { ...sbom.metadata.component, name: 'footfall' } } };
  await writeFile(file, `${JSON.stringify(named, undefined, 2)}\n`);
  const sentence = `${basename(file)} lists ${sbom.components.length} npm packages of package-lock.json, none of those for development.`;
  report.step({ step: 'sbom', outcome: Outcome.done, sentence, commands: [typed(listPackages)] });
  return file;
}

/** As `sha256sum --check SHA256SUMS` reads them. */
async function writeChecksums(files: readonly string[], { directory, report }: Work): Promise<void> {
  const artifacts = await Promise.all(files.map(async (file) => ({ file: basename(file), sha256: sha256(await readFile(file)) })));
  for (const artifact of artifacts) report.artifact(artifact);
  await writeFile(join(directory, 'SHA256SUMS'), artifacts.map(({ file, sha256: sum }) => `${sum}  ${file}\n`).join(''));
  report.step({
    step: 'checksums',
    outcome: Outcome.done,
    sentence: `SHA256SUMS has those of ${artifacts.map(({ file }) => file).join(' and ')}.`,
  });
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
