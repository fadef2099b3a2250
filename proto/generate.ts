/** Makes the types of the protocol from the .proto file; `--check` says whether the committed ones are up to date. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { definition } from './definition.ts';

const here = definition.directory;
const committed = join(here, 'generated');
const generator = join(here, '../node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js');

function generate(folder: string): void {
  const options = ['--longs=Number', '--enums=String', '--defaults', '--oneofs', '--bytes=Buffer'];
  const typescript = ['--grpcLib=@grpc/grpc-js', '--targetFileExtension=.ts', '--importFileExtension=.ts'];
  // From within the folder: the files name their source by the path they were given, which must not be this machine's.
  const files = ['--outDir', folder, '--includeDirs', '.', '--', definition.file];
  execFileSync(process.execPath, [generator, ...options, ...typescript, ...files], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Names and contents, in order. */
function contents(folder: string): string {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return paths.map((path) => `${path.slice(folder.length)}\n${readFileSync(path, 'utf8')}`).join('\n');
}

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'footfall-proto-'));
  generate(fresh);
  const same = contents(fresh) === contents(committed);
  rmSync(fresh, { recursive: true });
  if (!same) {
    process.stderr.write('proto/generated is not what proto/footfall/v1/counting.proto says: run `npm run generate`.\n');
    process.exitCode = 1;
  }
} else {
  rmSync(committed, { recursive: true, force: true });
  generate(committed);
}
