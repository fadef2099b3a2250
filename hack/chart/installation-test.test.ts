/** Runs the script of `helm test` against good and bad servers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { find, type Manifest, render, withoutHelm } from './helm.ts';

interface TestPod extends Manifest {
  readonly spec: { readonly containers: readonly { command: string[]; args: string[]; env: { name: string; value: string }[] }[] };
}
interface Ended {
  readonly code: number | null;
  readonly words: string;
}

const skip = withoutHelm();
const folder = mkdtempSync(join(tmpdir(), 'footfall-installation-'));
const token = join(folder, 'token');
/** The server's answers by path; a function may change its answer. */
let pages: Record<string, () => [status: number, body: string]> = {};
let url = '';
let asked: (string | undefined)[] = [];
const server: Server = createServer((request, response) => {
  const [status, body] = pages[request.url ?? '']?.() ?? [404, 'no such page'];
  if (request.url === '/apis/footfall.dev/v1alpha1') asked.push(request.headers.authorization);
  response.writeHead(status).end(body);
});

before(async () => {
  writeFileSync(token, 'a-token\n');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const serving =
  (...names: string[]) =>
  () =>
    [200, JSON.stringify({ resources: names.map((name) => ({ name })) })] as [number, string];
const good = {
  '/apis/footfall.dev/v1alpha1': serving('camerastreams', 'camerastreams/status'),
  '/operator/readyz': () => [200, 'ok'] as [number, string],
  '/counters/readyz': () => [200, 'ok'] as [number, string],
};

test("a working installation passes, and the script calls the API server with the pod's token", { skip }, async () => {
  pages = good;
  asked = [];
  const { code, words } = await run();
  assert.equal(code, 0, words);
  assert.deepEqual(words.match(/^ok/gm)?.length, 3);
  assert.deepEqual(asked, ['Bearer a-token']);
});

test('the script waits for a part that is still starting', { skip }, async () => {
  let calls = 0;
  pages = { ...good, '/counters/readyz': () => ((calls += 1) < 2 ? [503, 'the model is loaded'] : [200, 'ok']) };
  assert.equal((await run({ WAIT_SECONDS: '20' })).code, 0);
});

for (const [what, bad, words] of [
  [
    'an API server that knows no CameraStreams',
    { '/apis/footfall.dev/v1alpha1': () => [404, 'not found'] },
    'failed  The API server serves CameraStreams: URL/apis/footfall.dev/v1alpha1 answers 404: not found.',
  ],
  [
    'a definition without status',
    { '/apis/footfall.dev/v1alpha1': serving('camerastreams') },
    'failed  The API server serves CameraStreams: /apis/footfall.dev/v1alpha1 has no camerastreams/status.',
  ],
  [
    'an operator that sees nothing',
    { '/operator/readyz': () => [503, 'The objects are not known yet.'] },
    'failed  The operator knows the cluster: URL/operator/readyz answers 503: The objects are not known yet.',
  ],
  [
    'no counter',
    { '/counters/readyz': () => [503, 'no model'] },
    'failed  A counter can count: URL/counters/readyz answers 503: no model.',
  ],
] as [string, typeof pages, string][]) {
  test(`the script reports ${what} in a sentence`, { skip }, async () => {
    pages = { ...good, ...bad };
    const ended = await run();
    assert.equal(ended.code, 1);
    assert.equal(ended.words.trimEnd().split('\n').at(-1)!.replace(url, 'URL'), words);
  });
}

test('the script reports an unreachable server with the reason', { skip }, async () => {
  pages = good;
  const { code, words } = await run({ OPERATOR: 'http://127.0.0.1:1' });
  assert.equal(code, 1);
  assert.match(words, /failed {2}The operator knows the cluster: .*(ECONNREFUSED|bad port)/);
});

test('the script does not require a counter when the pool may be empty', { skip }, () => {
  const names = (set: string[]) =>
    (find(render({ set }), 'Pod', 'footfall-test') as TestPod).spec.containers[0]!.env.map(({ name }) => name);
  assert.deepEqual([names([]).includes('COUNTERS'), names(['counter.minimum=0']).includes('COUNTERS')], [true, false]);
});

/** Runs the container's command, with these servers in place of the cluster's. */
async function run(changes: Record<string, string> = {}): Promise<Ended> {
  const { command, args } = (find(render(), 'Pod', 'footfall-test') as TestPod).spec.containers[0]!;
  assert.equal(command[0], 'node');
  const env = {
    OPERATOR: `${url}/operator`,
    COUNTERS: `${url}/counters`,
    API_SERVER: url,
    TOKEN_FILE: token,
    WAIT_SECONDS: '0',
    ...changes,
  };
  const child = spawn(process.execPath, [...command.slice(1), ...args], { env: { PATH: process.env['PATH'], ...env } });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, words };
}
