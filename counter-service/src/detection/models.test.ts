/** Whole models, from manifest to people in the source picture. FOOTFALL_TEST_MODELS names a folder with further models. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Detection } from './detection.ts';
import { Detector } from './detector.ts';
import { clipPictures, clipSize } from './fixtures/pictures.ts';
import { tinyOnnx } from './fixtures/tiny-onnx.ts';
import { loadModel } from './manifest.ts';
import { overlap } from './nms.ts';
import { fullPicturePlan } from './plan.ts';

const shipped = fileURLToPath(new URL('../../../models', import.meta.url));
const testModels = process.env['FOOTFALL_TEST_MODELS'] ?? fileURLToPath(new URL('../../../../shared/models', import.meta.url));
const manifests = fileURLToPath(new URL('./fixtures', import.meta.url));

const scratch = await mkdtemp(join(tmpdir(), 'footfall-models-'));
after(() => rm(scratch, { recursive: true }));

/** The one person at 12 s of the clip: where RTMDet-nano puts it. */
const walker = await onePerson(shipped, 'rtmdet-nano-person');

test('the shipped model detects one person at 12 s of the clip and none at 0 s', async () => {
  assert.ok(walker.bottom - walker.top > 100 && walker.score > 0.6, JSON.stringify(walker));
  assert.deepEqual(await peopleAt(0, shipped, 'rtmdet-nano-person'), []);
});

for (const [name, onnx] of [
  ['yolox-nano', 'yolox-nano/yolox_nano.onnx'],
  ['person-detection-retail-0013', 'person-detection-retail-0013-onnx/person-detection-retail-0013.onnx'],
] as const) {
  const file = join(testModels, onnx);
  test(`${name} detects the same person, by its manifest alone`, { skip: !existsSync(file) && `${file} is not there` }, async () => {
    await mkdir(join(scratch, name));
    await symlink(join(manifests, name, 'model.json'), join(scratch, name, 'model.json'));
    await symlink(file, join(scratch, name, onnx.replace(/.*\//, '')));
    const found = await onePerson(scratch, name);
    assert.ok(overlap(found, walker) > 0.6, `${JSON.stringify(found)} against ${JSON.stringify(walker)}`);
  });
}

test(
  'a model whose outputs no layout describes is refused in a sentence',
  { skip: !existsSync(join(testModels, 'picodet-s')) && 'picodet-s is not there' },
  async () => {
    const onnx = await readFile(join(testModels, 'picodet-s/picodet_s_320_coco.onnx'));
    const output = { layout: 'yolov8', tensor: 'save_infer_model/scale_0.tmp_1', personClasses: [0], nmsIou: 0.5 };
    await ownModel('picodet', onnx, { tensor: 'image', width: 320, height: 320 }, output);
    await assert.rejects(start('picodet'), /picodet\/model\.json: output\.layout: is yolov8, which needs .* has shape \[1, 1600, 80\]\.$/);
  },
);

test('a yolov8 head comes out as people in the source picture', async () => {
  // Columns: a person at the middle of the picture, a person in the padding, a car, and three empty ones.
  const heads = [
    [320, 60, 100, 0, 0, 0],
    [180, 370, 100, 0, 0, 0],
    [64, 20, 50, 0, 0, 0],
    [128, 20, 50, 0, 0, 0],
    [0.75, 0.75, 0.1, 0, 0, 0],
    [0.1, 0.1, 0.9, 0, 0, 0],
  ];
  const onnx = tinyOnnx({
    input: { name: 'images', dims: [1, 3, 384, 640] },
    output: { name: 'output0', dims: [1, 6, 7], values: heads.flatMap((row) => [...row, 0]) },
  });
  const output = { layout: 'yolov8', tensor: 'output0', personClasses: [0], nmsIou: 0.5 };
  await ownModel('tiny', onnx, { tensor: 'images', width: 640, height: 384 }, output);
  assert.deepEqual(await peopleAt(0, scratch, 'tiny'), [{ left: 345.6, top: 139.2, right: 422.4, bottom: 292.8, score: 0.75 }]);

  await ownModel('tiny-input', onnx, { tensor: 'image', width: 640, height: 384 }, output);
  await assert.rejects(start('tiny-input'), /tiny-input\/model\.json: input\.tensor: the model has no input "image", only images\.$/);
  await ownModel('tiny-width', onnx, { tensor: 'images', width: 512, height: 384 }, output);
  await assert.rejects(
    start('tiny-width'),
    /tiny-width\/model\.json: input\.width: is 512 but the model's input has shape \[1, 3, 384, 640\]\.$/,
  );
  await ownModel('tiny-sizes', onnx, { tensor: 'images', width: 640, height: 384, multiple: 32 }, output);
  await assert.rejects(start('tiny-sizes'), /tiny-sizes\/model\.json: input\.multiple: is 32 but .*, which allows one size only\.$/);
  await ownModel('tiny-classes', onnx, { tensor: 'images', width: 640, height: 384 }, { ...output, personClasses: [2] });
  await assert.rejects(
    start('tiny-classes'),
    /tiny-classes\/model\.json: output\.personClasses: names class 2 but the model has 2 classes\.$/,
  );
});

test('a file that is no model is refused with a sentence', async () => {
  await ownModel(
    'broken',
    Buffer.from('no model at all'),
    { tensor: 'images', width: 640, height: 384 },
    { layout: 'boxes', boxes: 'dets', personClasses: [0] },
  );
  await assert.rejects(start('broken'), /broken\/own\.onnx: the runtime cannot load it: .*\.$/);
});

async function ownModel(
  name: string,
  onnx: Buffer,
  input: { tensor: string; width: number; height: number; multiple?: number },
  output: unknown,
): Promise<void> {
  await mkdir(join(scratch, name));
  await writeFile(join(scratch, name, 'own.onnx'), onnx);
  const manifest = {
    name,
    file: 'own.onnx',
    sha256: createHash('sha256').update(onnx).digest('hex'),
    licence: 'none',
    input: { ...input, channelOrder: 'rgb', mean: [0, 0, 0], std: [255, 255, 255], resize: { fit: 'pad', value: 114 } },
    output,
  };
  await writeFile(join(scratch, name, 'model.json'), JSON.stringify(manifest));
}

async function start(name: string): Promise<void> {
  const detector = await Detector.start({
    model: await loadModel(scratch, name),
    provider: 'cpu',
    workers: 1,
    maxBatch: 1,
    scoreFloor: 0.15,
  });
  await detector.stop();
}

async function peopleAt(second: number, directory: string, name: string): Promise<Detection[]> {
  const model = await loadModel(directory, name);
  const plan = fullPicturePlan(clipSize, model.manifest.input);
  const [pixels] = clipPictures(plan, second, 1);
  const detector = await Detector.start({ model, provider: 'cpu', workers: 1, maxBatch: 1, scoreFloor: 0.4 });
  try {
    return (await detector.detect({ stream: 'clip', pixels: pixels!, plan })).detections;
  } finally {
    await detector.stop();
  }
}

async function onePerson(directory: string, name: string): Promise<Detection> {
  const people = await peopleAt(12, directory, name);
  assert.equal(people.length, 1, JSON.stringify(people));
  return people[0]!;
}
