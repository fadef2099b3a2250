import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadModel } from './manifest.ts';

const shippedModels = fileURLToPath(new URL('../../../models', import.meta.url));
const shippedManifest = JSON.parse(await readFile(join(shippedModels, 'rtmdet-nano-person/model.json'), 'utf8'));

const scratch = await mkdtemp(join(tmpdir(), 'footfall-models-'));
after(() => rm(scratch, { recursive: true }));

async function modelNamed(name: string, manifest: unknown, onnx?: string): Promise<void> {
  await mkdir(join(scratch, name), { recursive: true });
  await writeFile(join(scratch, name, 'model.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  if (onnx !== undefined) await writeFile(join(scratch, name, shippedManifest.file), onnx);
}

test('the shipped model is found by its name', async () => {
  const model = await loadModel(shippedModels, 'rtmdet-nano-person');
  assert.equal(model.manifest.licence, 'Apache-2.0');
  assert.equal(model.path, join(shippedModels, 'rtmdet-nano-person/rtmdet_nano.onnx'));
});

test('a name that is no folder name is refused before it becomes a path', async () => {
  for (const name of ['../rtmdet', 'a/b', '', '.', 'a..b', 'Ünïcode']) {
    await assert.rejects(loadModel(shippedModels, name), { name: 'ModelError', message: /^detection\.model: .* is not a model's name/ });
  }
});

test('a missing model is named', async () => {
  await assert.rejects(loadModel(scratch, 'nobody'), /there is no model "nobody": .*nobody\/model\.json cannot be read \(ENOENT\)/);
});

test('each mistake in a manifest is reported by file, field and value', async () => {
  const input = shippedManifest.input;
  const mistakes: [string, unknown, RegExp][] = [
    ['text', 'input: {}', /model\.json: is not JSON: /],
    ['extra', { ...shippedManifest, licens: 'MIT' }, /model\.json: .*licens/],
    [
      'order',
      { ...shippedManifest, input: { ...input, channelOrder: 'gbr' } },
      /model\.json: input\.channelOrder: .*"bgr"\|"rgb", is "gbr"\.$/,
    ],
    [
      'layout',
      { ...shippedManifest, output: { ...shippedManifest.output, layout: 'ssd' } },
      /model\.json: output\.layout: .*, is "ssd"\.$/,
    ],
    ['deviation', { ...shippedManifest, input: { ...input, std: [1, 0, 1] } }, /model\.json: input\.std\.1: .*, is 0\.$/],
    [
      'multiple',
      { ...shippedManifest, input: { ...input, multiple: 50 } },
      /model\.json: input\.multiple: width and height must be multiples of it, is 50\.$/,
    ],
    [
      'elsewhere',
      { ...shippedManifest, file: '../x.onnx' },
      /model\.json: file: must be the name of an \.onnx file in the same folder, is "\.\.\/x\.onnx"\.$/,
    ],
    ['missing', { ...shippedManifest, sha256: undefined }, /model\.json: sha256: /],
    ['renamed', shippedManifest, /model\.json: name: is "rtmdet-nano-person" but the folder is "renamed"\.$/],
  ];
  for (const [name, manifest, message] of mistakes) {
    await modelNamed(name, manifest);
    await assert.rejects(loadModel(scratch, name), { name: 'ModelError', message });
  }
});

test('a missing or changed ONNX file is reported by the manifest that names it', async () => {
  await modelNamed('gone', { ...shippedManifest, name: 'gone' });
  await assert.rejects(
    loadModel(scratch, 'gone'),
    /gone\/model\.json: file: names "rtmdet_nano\.onnx": .*rtmdet_nano\.onnx cannot be read \(ENOENT\)\.$/,
  );
  await modelNamed('changed', { ...shippedManifest, name: 'changed' }, 'not the model');
  await assert.rejects(
    loadModel(scratch, 'changed'),
    /changed\/model\.json: sha256: says 4720eda.* but rtmdet_nano\.onnx has [0-9a-f]{64}\.$/,
  );
});
