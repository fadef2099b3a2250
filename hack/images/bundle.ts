/**
 * Writes Footfall's part of each image: one file of JavaScript for each program, the packages that cannot be bundled, and all
 * licences. Not minified and without source maps: stack traces stay readable, and maps would cost 14 MB of memory at run time.
 *
 *   node hack/images/bundle.ts DIRECTORY    makes DIRECTORY/{operator,edge-agent,counter-service}/{app,licenses}
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

interface Image {
  /** Programs by name; they find each other in one folder. */
  readonly programs: Readonly<Record<string, string>>;
  /** Laid where proto/definition.ts says that it is: beside the program. */
  readonly protocol: boolean;
  /** Packages that load a library of machine code by its path. */
  readonly native: readonly string[];
}

const IMAGES: Readonly<Record<string, Image>> = {
  operator: { programs: { main: 'operator/src/main.ts' }, protocol: false, native: [] },
  'edge-agent': { programs: { main: 'edge-agent/src/main.ts' }, protocol: true, native: [] },
  'counter-service': {
    programs: { main: 'counter-service/src/main.ts', worker: 'counter-service/src/detection/worker.ts' },
    protocol: true,
    native: ['onnxruntime-node', 'onnxruntime-common'],
  },
};

const root = join(import.meta.dirname, '../..');

/** Variables that CommonJS packages need and a module does not have. */
const COMMON_JS = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;`;

async function layOut({ programs, protocol, native }: Image, directory: string): Promise<void> {
  const app = join(directory, 'app');
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: programs,
    outdir: join(app, 'bin'),
    bundle: true,
    platform: 'node',
    target: `node${process.versions.node}`,
    format: 'esm',
    external: [...native],
    banner: { js: COMMON_JS },
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(join(app, 'package.json'), '{"type":"module"}\n');
  if (protocol) cpSync(join(root, 'proto/footfall'), join(app, 'bin/footfall'), { recursive: true });
  for (const name of native)
    cpSync(join(root, 'node_modules', name), join(app, 'node_modules', name), { recursive: true, filter: isForThisMachine });
  const packages = new Set([...Object.keys(metafile.inputs).flatMap(packageOf), ...native]);
  for (const name of packages) copyLicence(name, join(directory, 'licenses/npm', name));
}

/** onnxruntime-node contains its library for every platform, and a script that would download more. */
function isForThisMachine(path: string): boolean {
  const [, platform] = path.split(join(sep, 'bin', 'napi-v6', sep));
  const ours = join(process.platform, process.arch);
  return (
    !path.endsWith(join('onnxruntime-node', 'script')) && (platform === undefined || platform.startsWith(ours) || ours.startsWith(platform))
  );
}

/** The package of a source file: `a/node_modules/@b/c` for `node_modules/a/node_modules/@b/c/d.js`. */
function packageOf(path: string): string[] {
  const found = /^node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  return found === undefined ? [] : [found];
}

function copyLicence(name: string, target: string): void {
  mkdirSync(target, { recursive: true });
  const from = join(root, 'node_modules', name);
  const texts = readdirSync(from).filter((file) => /^(licen[cs]e|notice|copying|thirdparty)/i.test(file));
  for (const text of texts) cpSync(join(from, text), join(target, text));
  const { version, license } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { version: string; license?: string };
  writeFileSync(join(target, 'PACKAGE'), `${name} ${version}: ${license ?? 'see its licence'}\n`);
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node hack/images/bundle.ts DIRECTORY');
await Promise.all(Object.entries(IMAGES).map(([name, image]) => layOut(image, join(directory, name))));
