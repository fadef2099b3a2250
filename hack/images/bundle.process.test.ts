/** The bundled programs run without the rest of the project. Needs ffmpeg on the PATH. */
import assert from 'node:assert/strict';
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { inheritedEnvironment } from '../../local/child.ts';
import { FolderLedger } from '../../counter-service/src/ledger/folder.ts';
import { ended } from '../machine/rtsp-server.ts';

const root = join(import.meta.dirname, '../..');
const clip = join(root, 'hack/samples/one-by-one/one-by-one-person-detection.mp4');
const variables = { operator: 'FOOTFALL_OPERATOR', 'edge-agent': 'FOOTFALL_AGENT', 'counter-service': 'FOOTFALL_COUNTER' } as const;

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'footfall-bundle-'));
  execFileSync(process.execPath, [join(root, 'hack/images/bundle.ts'), folder]);
});
after(() => rmSync(folder, { recursive: true }));

const mainOf = (image: string): string => join(folder, image, 'app/bin/main.js');

for (const [image, variable] of Object.entries(variables)) {
  test(`the bundled ${image} runs alone: it prints its usage, and reports a missing configuration`, () => {
    const run = (...args: string[]) => spawnSync(process.execPath, [mainOf(image), ...args], { env: {}, encoding: 'utf8' });
    assert.match(run('--help').stdout, new RegExp(`^usage: ${variable}=`));
    const { status, stderr } = run();
    assert.deepEqual([status, stderr], [2, `${variable} is not set: it holds the configuration as JSON.\n`]);
  });

  test(`the ${image} has a licence, or its name, for every package in it`, () => {
    const licences = join(folder, image, 'licenses/npm');
    const packages = globSync('**/PACKAGE', { cwd: licences });
    assert.ok(packages.includes('zod/PACKAGE'));
    for (const file of packages) {
      const alone = readdirSync(join(licences, file, '..')).length === 1;
      assert.ok(!alone || /: (MIT|Unlicense)\n$/.test(readFileSync(join(licences, file), 'utf8')), file);
    }
  });
}

test('the images have the version of the project', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.ok(readFileSync(join(root, 'hack/images/Dockerfile'), 'utf8').includes(`\nARG VERSION=${version}\n`));
});

for (const image of ['operator', 'edge-agent']) {
  test(`the ${image} bundle contains no machine code`, () => {
    const files = globSync('**/*', { cwd: join(folder, image), withFileTypes: true }).filter((file) => file.isFile());
    assert.ok(files.some(({ name }) => name === 'main.js'));
    const isMachineCode = (path: string) => readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF'));
    assert.deepEqual(files.map(({ parentPath, name }) => join(parentPath, name)).filter(isMachineCode), []);
  });
}

test("the licence of Node.js comes from the package for the image's architecture", () => {
  assert.doesNotMatch(readFileSync(join(root, 'hack/images/Dockerfile'), 'utf8'), /node-linux-[a-z]/);
});

test('the counter has ONNX Runtime for one platform', () => {
  const libraries = globSync('**/*.{so.*,dylib,dll,node}', { cwd: join(folder, 'counter-service/app/node_modules') });
  const here = `onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/`;
  assert.ok(libraries.length >= 2);
  assert.deepEqual(
    libraries.filter((path) => !path.startsWith(here)),
    [],
  );
});

test(
  'the bundled agent and counter count the people who come in during the first 30 s of the sample',
  { timeout: 300_000 },
  async (context) => {
    const start = (image: keyof typeof variables, config: object) => {
      const env = { ...inheritedEnvironment(), [variables[image]]: JSON.stringify({ logLevel: 'silent', ...config }) };
      const child = fork(mainOf(image), { env });
      context.after(() => ended(child));
      return child;
    };
    const stream = { namespace: 'default', name: 'door', uid: 'uid-door' };
    const video = join(folder, 'clip.mp4');
    execFileSync('ffmpeg', ['-loglevel', 'error', '-t', '30', '-i', clip, '-c', 'copy', video]);
    const manifest = join(folder, 'door.yaml');
    writeFileSync(
      manifest,
      `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: door, namespace: default}
spec: {source: {url: clip.mp4}, lines: [{name: entrance, from: {x: 570, y: 1000}, to: {x: 320, y: 580}}]}
`,
    );
    const ledgerDirectory = join(folder, 'ledger');
    const http = { host: '127.0.0.1', port: 0 };
    const counter = start('counter-service', {
      listen: '127.0.0.1:0',
      http,
      local: { manifests: [manifest], ledgerDirectory },
      modelsDirectory: join(root, 'models'),
      inference: {},
    });
    const [{ counter: port }] = (await once(counter, 'message')) as [{ counter: number }];
    const agent = start('edge-agent', {
      stream,
      source: { url: video },
      buffer: { seconds: 120, megabytes: 64 },
      counters: [`127.0.0.1:${port}`],
      site: http,
    });
    assert.deepEqual(await once(agent, 'exit'), [0, null]);
    const { counts } = await new FolderLedger(ledgerDirectory).read(stream);
    assert.equal(counts?.in, 2);
  },
);
