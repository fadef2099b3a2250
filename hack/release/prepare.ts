/** Writes a version into the tree: CHANGELOG.md is cut, and the files that carry the version carry the new one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cutChangelog } from './changelog.ts';
import { Outcome } from './summary.ts';
import { withVersion } from './versioned-files.ts';
import type { Work } from './work.ts';

export async function prepare({ tree, version, from, files, date, report }: Work): Promise<void> {
  const changelog = join(tree, 'CHANGELOG.md');
  await writeFile(changelog, cutChangelog(await readFile(changelog, 'utf8'), version, date));
  report.step({ step: 'changelog', outcome: Outcome.done, sentence: `"Unreleased" is now ${version} (${date}), below a new empty one.` });

  const changed = [];
  for (const path of files) {
    const file = join(tree, path);
    const rewritten = withVersion(path, await readFile(file, 'utf8'), { from, to: version });
    if (rewritten === undefined) continue;
    await writeFile(file, rewritten);
    changed.push(path);
  }
  report.step({ step: 'version', outcome: Outcome.done, sentence: `${from} is now ${version} in ${changed.join(', ')}.` });

  report.step({
    step: 'tag',
    outcome: Outcome.planned,
    sentence: 'Yours to do once the changes are looked at: the pushed tag starts the release workflow.',
    commands: [
      `git commit --all --message 'release: ${version}'`,
      `git tag --annotate v${version} --message ${version}`,
      `git push origin HEAD v${version}`,
    ],
  });
}
