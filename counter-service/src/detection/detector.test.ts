import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../../../hack/machine/until.ts';
import { Detector, type DetectorSettings, type Frame } from './detector.ts';
import { clipPictures, clipSize } from './fixtures/pictures.ts';
import { loadModel } from './manifest.ts';
import { fullPicturePlan, type Plan } from './plan.ts';

const models = fileURLToPath(new URL('../../../models', import.meta.url));
const model = await loadModel(models, 'rtmdet-nano-person');
const settings: DetectorSettings = { model, provider: 'cpu', workers: 2, maxBatch: 1, scoreFloor: 0.15 };
const full = fullPicturePlan(clipSize, model.manifest.input);
const part: Plan = {
  crop: { left: 200, top: 32, width: 384, height: 400 },
  picture: { width: 240, height: 250 },
  input: { width: 256, height: 256 },
};
const frames: Frame[] = [full, part].flatMap((plan) =>
  clipPictures(plan, 11, 6).map((pixels, index) => ({ stream: `camera-${index % 3}`, pixels, plan })),
);

let detector: Detector;
before(async () => {
  detector = await Detector.start(settings);
});
after(() => detector.stop());

test('detections are the same bit by bit for one worker or two, alone or in a batch, and after a death', async () => {
  const one = await Detector.start({ ...settings, workers: 1, maxBatch: 4 });
  const alone = await inTurn(one);
  const batched = await together(one);
  assert.ok(batched.batchSizes.some((size) => size > 1));
  await one.stop();
  assert.ok(alone.flat().length > 0);
  assert.deepEqual(batched.detections, alone);
  assert.deepEqual((await together(detector)).detections, alone);
});

test('a worker that dies is replaced, and its frame has a result all the same', async () => {
  const [wanted] = await inTurn(detector);
  const { workerDeaths } = detector.state();
  const answers = frames.slice(0, 2).map((frame) => detector.detect({ ...frame, stream: 'dying' }));
  killWorkers(detector);
  assert.deepEqual((await answers[0])?.detections, wanted);
  await answers[1];
  await until(() => detector.state().workerPids.length === 2);
  assert.equal(detector.state().workerDeaths, workerDeaths + 2);
});

test('a frame that ends two workers fails, and the next frame has a result', async () => {
  const one = await Detector.start({ ...settings, workers: 1 });
  let ended = false;
  const answer = one.detect(frames[0]!).finally(() => (ended = true));
  const deadly = (async () => {
    for await (const _ of setInterval(1)) {
      if (ended) return;
      if (one.state().framesWaiting === 0) killWorkers(one);
    }
  })();
  await assert.rejects(
    answer,
    /^Error: A frame of stream camera-0 ended two workers and is given up: an inference worker ended \(SIGKILL\)\.$/,
  );
  await deadly;
  assert.ok((await one.detect(frames[1]!)).detections.length > 0);
  await one.stop();
});

test('an aborted frame leaves the queue; the other frames have results', async () => {
  const abort = new AbortController();
  const answers = frames
    .slice(0, 4)
    .map((frame, index) => detector.detect({ ...frame, stream: `s${index}` }, index === 3 ? abort.signal : undefined));
  abort.abort(new Error('the stream has gone'));
  await assert.rejects(answers[3]!, /the stream has gone/);
  assert.equal((await Promise.all(answers.slice(0, 3))).length, 3);
  await assert.rejects(detector.detect(frames[0]!, abort.signal), /the stream has gone/);
});

test('a stream may have four frames waiting, and pixels must match the plan', async () => {
  const one = await Detector.start({ ...settings, workers: 1 });
  const answers = Array.from({ length: 5 }, () => one.detect({ ...frames[0]!, stream: 'eager' }));
  await assert.rejects(one.detect({ ...frames[0]!, stream: 'eager' }), /Stream eager has 4 frames waiting for detection already/);
  await Promise.all(answers);
  await assert.rejects(one.detect({ ...frames[0]!, pixels: Buffer.alloc(10) }), /has 10 bytes; 640x360 bgr24 has 691200/);
  await one.stop();
});

test('stopping finishes running frames, rejects waiting ones and leaves no worker behind', async () => {
  const one = await Detector.start({ ...settings, workers: 1 });
  const pids = one.state().workerPids;
  const [running, waiting] = frames.slice(0, 2).map((frame) => one.detect(frame));
  const rejected = assert.rejects(waiting!, /The detector is stopping/);
  await Promise.all([one.stop(), rejected]);
  assert.ok((await running!).detections.length > 0);
  assert.equal(pids.some(isAlive), false);
  await assert.rejects(one.detect(frames[0]!), /The detector is stopping/);
});

test('the death of the process ends its workers', async () => {
  const script = fileURLToPath(new URL('./fixtures/own-detector.ts', import.meta.url));
  const owner = spawn(process.execPath, [script, models, 'rtmdet-nano-person'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const pids = line.toString().trim().split(' ').map(Number);
  assert.equal(pids.every(isAlive), true);
  owner.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
});

test(
  'a missing provider is an error that says what it needs, never another provider',
  { skip: process.env['FOOTFALL_TEST_GPU'] !== undefined && 'this machine has one' },
  async () => {
    for (const provider of ['cuda', 'tensorrt', 'webgpu'] as const) {
      await assert.rejects(Detector.start({ ...settings, provider }), {
        name: 'ModelError',
        message: new RegExp(`^Execution provider ${provider} cannot be used \\(.+\\); it needs .*GPU.*\\.$`),
      });
    }
  },
);

test('a process that may open no more files cannot start a worker, and does not crash', async () => {
  const script = fileURLToPath(new URL('./fixtures/without-files.ts', import.meta.url));
  const owner = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, script, models, 'rtmdet-nano-person'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(owner.stdout, 'data')) as [Buffer];
  assert.match(output.toString(), /^Model rtmdet-nano-person could not be loaded: an inference worker ended \(spawn .* EMFILE\)\.$/m);
});

async function inTurn(by: Detector): Promise<unknown[][]> {
  const all = [];
  for (const frame of frames) all.push((await by.detect(frame)).detections);
  return all;
}

async function together(by: Detector): Promise<{ detections: unknown[][]; batchSizes: number[] }> {
  const answers = await Promise.all(frames.map((frame) => by.detect(frame)));
  return { detections: answers.map((answer) => answer.detections), batchSizes: answers.map((answer) => answer.batchSize) };
}

function killWorkers(of: Detector): void {
  for (const pid of of.state().workerPids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
