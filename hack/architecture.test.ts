/**
 * The rules of the house that no compiler checks. Each gives a sentence for each place that breaks it, and is tried on a
 * planted violation, too.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, normalize } from 'node:path';
import { suite, test } from 'node:test';

/** Texts by their paths from the root. */
type Sources = Readonly<Record<string, string>>;

interface Rule {
  readonly rule: string;
  /** @returns a sentence for each place that breaks it. */
  readonly broken: (sources: Sources) => string[];
  readonly planted: Sources;
  readonly found: readonly string[];
}

const root = join(import.meta.dirname, '..');
/** And folders. */
const files = new Set(globSync('**', { cwd: root, exclude: ['**/node_modules', '**/.*'] }));
const fileNames = new Set([...files].map((file) => basename(file)));
const isSource = (path: string) => /\.(?:ts|md)$/.test(path) && !path.startsWith('proto/generated/');
const tree: Sources = Object.fromEntries([...files].filter(isSource).map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const { dependencies: required, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
const dependencies = { ...required, ...optionalDependencies };

/** Folders with what ships, and what each may import beside itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  crds: ['proto/**'],
  'edge-agent': ['crds/**', 'proto/**'],
  'counter-service': ['crds/**', 'proto/**'],
  operator: ['crds/**', 'proto/**'],
  // Starts agents and a counter as processes, and reads what they show and leave.
  local: [
    'crds/**',
    'proto/**',
    'edge-agent/src/{main,site/*}.ts',
    'counter-service/src/{ledger/folder,detection/{manifest,wire},events/file,reporting/reports}.ts',
  ],
  charts: [],
};
const SHIPPED = Object.keys(ARROWS);
const ROOMS: ReadonlySet<string> = new Set([...SHIPPED, 'docs', 'examples', 'hack', 'models']);

/** Libraries with more than one importing file. */
const IMPORTED_BY_SEVERAL: Readonly<Record<string, string>> = {
  zod: 'schemas stand beside what they describe',
  '@kubernetes/client-node': 'crds/cluster/api.ts names its types, crds/cluster/client.ts uses it',
};

/** No input and output, no clock, no chance: neither here nor in what is imported from here. */
const PURE = [
  'counter-service/src/{analysis,counting,tracking}/*.ts',
  'counter-service/src/call/{rate-limit,validation}.ts',
  'counter-service/src/detection/{detection,layouts,nms,person-size,plan,preprocess,region,region-planner}.ts',
  'counter-service/src/{events/{event,outbox},ledger/{entry,ledger},reporting/reports}.ts',
  'counter-service/src/settlement/{checkpoint,checkpoint-1,checkpoint-commit}.ts',
  'crds/{crd,fence,fields,geometry,identity,networks,schema,source,status,structural}.ts',
  'edge-agent/src/{ring/block,ring/segments,uplink/allowance,uplink/ranking}.ts',
  'operator/src/{objects/covers,objects/hash,objects/labels,objects/pods,pool/desired}.ts',
  'operator/src/streams/{conditions,desired,status}.ts',
  'proto/src/{media/nut/*,process/scrub,wire/messages}.ts',
];
const IMPURE =
  /'node:(?!assert|buffer|crypto|path|util|zlib)[\w/]+'|\b(?:Date\.now|Math\.random|performance\.now|random(?:UUID|Bytes|Int)|setTimeout|setInterval|fetch)\(|\bnew Date\(\)|\bprocess\./;

const isTest = (path: string) => path.endsWith('.test.ts') || path.includes('/fixtures/');
const folderOf = (path: string) => path.split('/', 1)[0]!;
const entries = (sources: Sources, ...globs: string[]) =>
  Object.entries(sources).filter(([path]) => globs.some((glob) => matchesGlob(path, glob)));
const shipped = (sources: Sources) =>
  entries(sources, `{${SHIPPED.join(',')}}/**/*.ts`).filter(([path]) => !isTest(path) && !matchesGlob(path, 'proto/{model,generated}/**'));
const withoutComments = (text: string) => text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');

/** What a file imports: paths from the root, or libraries. @param erased whether to give imports of types only, too. */
function importsOf(path: string, text: string, erased = true): string[] {
  const found = withoutComments(text).matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...found]
    .filter(([, type]) => erased || type === undefined)
    .map(([, , statically, dynamically]) => {
      const specifier = (statically ?? dynamically)!;
      if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier));
      return specifier.replace(/^#crds\//, 'crds/').replace(/^#proto\//, 'proto/src/');
    });
}

const isLibrary = (specifier: string) => !specifier.startsWith('node:') && !specifier.endsWith('.ts');

const exists = (place: string) => {
  const path = normalize(place).replace(/\/$/, '');
  return files.has(path) || (/[*{]/.test(path) && [...files].some((file) => matchesGlob(file, path)));
};

/** What a document of this folder names and is nowhere: places from the root, places from the folder, and files by their names. */
function missingFrom(text: string, folder: string): string[] {
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!);
  const fromRoot = found(/(?<![\w./@:<-])((?:docs\/(?:decisions|reference)|[a-z-]+)\/[\w./*{},-]*[\w*}/])/g);
  const fromFolder = [...found(/\]\((?!https?:|#)([^)#]+)/g), ...found(/`(src\/[\w./*{},-]+)`/g)];
  const names = found(/`(?!x\.)([\w-]+(?:\.[\w-]+)*\.(?:ts|proto|py|sh|md))`/g);
  return [
    ...fromRoot.filter((place) => ROOMS.has(folderOf(place)) && !exists(place) && !exists(join(folder, place))),
    ...fromFolder.filter((place) => !exists(join(folder, place))),
    ...names.filter((name) => !fileNames.has(name)),
  ];
}

const rules: Rule[] = [
  {
    rule: 'each library has one importing file, and is a dependency',
    broken: (sources) => {
      const importers = new Map<string, Set<string>>();
      for (const [path, text] of shipped(sources))
        for (const library of importsOf(path, text).filter(isLibrary))
          importers.set(library, (importers.get(library) ?? new Set()).add(path));
      return [...importers].flatMap(([library, paths]) => {
        const by = [...paths].join(' and ');
        if (!(library in dependencies)) return [`${library}, imported by ${by}, is no dependency`];
        return paths.size === 1 || library in IMPORTED_BY_SEVERAL ? [] : [`${library} is imported by ${by}`];
      });
    },
    planted: {
      'proto/src/log.ts': "import { pino } from 'pino';",
      'operator/src/log.ts': "import {\n  pino,\n} from 'pino';\nimport { z } from 'zod';\nimport 'left-pad';",
      'operator/src/config.ts': "import { z } from 'zod';",
      'operator/src/log.test.ts': "import { pino } from 'pino';",
    },
    found: ['pino is imported by proto/src/log.ts and operator/src/log.ts', 'left-pad, imported by operator/src/log.ts, is no dependency'],
  },
  {
    rule: 'imports point one way: processes know crds and proto and never each other, and nothing that ships knows hack',
    broken: (sources) =>
      entries(sources, `{${SHIPPED.join(',')}}/**/*.ts`).flatMap(([path, text]) => {
        const allowed = [`${folderOf(path)}/**`, ...ARROWS[folderOf(path)]!, ...(isTest(path) ? ['hack/**'] : [])];
        const ours = importsOf(path, text).filter((imported) => imported.endsWith('.ts'));
        return ours
          .filter((imported) => !allowed.some((glob) => matchesGlob(imported, glob)))
          .map((imported) => `${path} imports ${imported}`);
      }),
    planted: {
      'operator/src/main.ts': "import { a } from '../../edge-agent/src/a.ts';\nconst { b } = await import('#crds/b.ts');",
      'crds/load.ts': "import type { c } from '../hack/c.ts';\nimport { d } from '#proto/d.ts';",
      'crds/load.test.ts': "import { c } from '../hack/c.ts';\nimport { e } from '../operator/src/e.ts';",
      'local/run.ts': "export { s } from '../edge-agent/src/site/site.ts';\nexport { t } from '../edge-agent/src/session.ts';",
    },
    found: [
      'operator/src/main.ts imports edge-agent/src/a.ts',
      'crds/load.ts imports hack/c.ts',
      'crds/load.test.ts imports operator/src/e.ts',
      'local/run.ts imports edge-agent/src/session.ts',
    ],
  },
  {
    rule: 'the pure core touches no file, network, process, clock or chance',
    broken: (sources) => {
      const seen = new Set<string>();
      const visit = (path: string): string[] => {
        const text = sources[path];
        if (seen.has(path) || text === undefined) return [];
        seen.add(path);
        const [impure] = IMPURE.exec(withoutComments(text)) ?? [];
        return [...(impure === undefined ? [] : [`${path} has ${impure}`]), ...importsOf(path, text, false).flatMap(visit)];
      };
      return entries(sources, ...PURE).flatMap(([path]) => (isTest(path) ? [] : visit(path)));
    },
    planted: {
      'counter-service/src/counting/counter.ts':
        "import { now } from '../clock.ts';\n// Date.now() would be wrong here.\nconst seed = Math.random();",
      'counter-service/src/clock.ts': 'export const now = () => performance.now();',
      'counter-service/src/main.ts': 'export const started = Date.now();',
      'operator/src/streams/status.ts': "import { readFile } from 'node:fs/promises';\nimport type { a } from '../cluster.ts';",
      'operator/src/cluster.ts': "import { connect } from 'node:net';",
    },
    found: [
      'counter-service/src/counting/counter.ts has Math.random(',
      'counter-service/src/clock.ts has performance.now(',
      "operator/src/streams/status.ts has 'node:fs/promises'",
    ],
  },
  {
    rule: 'documents name files that exist',
    broken: (sources) =>
      // Notes on models name files of other projects.
      entries(sources, '!(models)/**/*.md', '*.md', 'models/*.md').flatMap(([path, text]) =>
        missingFrom(text, dirname(path)).map((name) => `${path} names ${name}`),
      ),
    planted: {
      'hack/READ.md':
        'See [how](none.md), [the site](https://footfall.dev/none.md), [this](READ.md#part) and [that](README.md#part), `src/none.ts`.',
      'NOTES.md': 'Run `node hack/none.ts`, which `architecture.test.ts` and `none.ts` test. So do crds/*.test.ts, not crds/*.none.ts.',
    },
    found: [
      'hack/READ.md names none.md',
      'hack/READ.md names READ.md',
      'hack/READ.md names src/none.ts',
      'NOTES.md names hack/none.ts',
      'NOTES.md names crds/*.none.ts',
      'NOTES.md names none.ts',
    ],
  },
  {
    rule: 'a test that needs a server or helm says so in its name',
    broken: (sources) =>
      entries(sources, '**/!(*.server|*.process).test.ts').flatMap(([path, text]) => {
        const [, need] = /^import \{[^}]*\bwithout(RtspServer|ControlPlane|Helm)\b/m.exec(text) ?? [];
        return need === undefined || (need === 'Helm' && path.endsWith('.helm.test.ts')) ? [] : [`${path} needs ${need}`];
      }),
    planted: {
      'crds/a.test.ts': "import { ControlPlane, withoutControlPlane } from '../hack/machine/control-plane.ts';",
      'crds/a.server.test.ts': "import { ControlPlane, withoutControlPlane } from '../hack/machine/control-plane.ts';",
      'crds/a.helm.test.ts': "import { withoutHelm } from '../hack/chart/helm.ts';",
      'crds/b.helm.test.ts': "import { withoutRtspServer } from '../hack/machine/rtsp-server.ts';",
    },
    found: ['crds/a.test.ts needs ControlPlane', 'crds/b.helm.test.ts needs RtspServer'],
  },
  {
    // The formatter breaks code, but neither strings nor comments.
    rule: 'no line of a comment is longer than 140 characters',
    broken: (sources) =>
      entries(sources, '**/*.ts').flatMap(([path, text]) =>
        text.split('\n').flatMap((line, index) => (/^\s*(?:\/\/|\/?\*)/.test(line) && line.length > 140 ? [`${path}:${index + 1}`] : [])),
      ),
    planted: { 'crds/long.ts': `// Short.\n  // ${'long '.repeat(28)}\nconst sentence = '${'long '.repeat(28)}';\n` },
    found: ['crds/long.ts:2'],
  },
];

for (const { rule, broken, planted, found } of rules) {
  suite(rule, () => {
    test('holds', () => assert.deepEqual(broken(tree), []));
    test('is seen to be broken', () => assert.deepEqual(broken(planted), found));
  });
}

test('the rules are about files that exist', () => {
  assert.ok(shipped(tree).length > 150 && entries(tree, '**/*.md').length > 20);
  assert.deepEqual(
    PURE.filter((glob) => entries(tree, glob).length === 0),
    [],
  );
  assert.deepEqual(
    Object.keys(dependencies).filter((library) => !shipped(tree).some(([path, text]) => importsOf(path, text).includes(library))),
    [],
  );
});
