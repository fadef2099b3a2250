/** The pool starts and stops detectors with the streams that use them: real worker processes, with a model of one node. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { until } from '../../../hack/machine/until.ts';
import { tinyOnnx } from './fixtures/tiny-onnx.ts';
import { DetectorPool } from './detector-pool.ts';

const onnx = tinyOnnx({
  input: { name: 'images', dims: [1, 3, 384, 640] },
  output: { name: 'output0', dims: [1, 6, 7], values: Array.from({ length: 42 }, () => 0) },
});
const manifest = {
  file: 'model.onnx',
  sha256: createHash('sha256').update(onnx).digest('hex'),
  licence: 'none',
  input: {
    tensor: 'images',
    width: 640,
    height: 384,
    channelOrder: 'bgr',
    mean: [0, 0, 0],
    std: [1, 1, 1],
    resize: { fit: 'pad', value: 114 },
  },
  output: { layout: 'yolov8', tensor: 'output0', personClasses: [0], nmsIou: 0.5 },
};

async function setting(context: TestContext, idleSeconds: number) {
  const modelsDirectory = await mkdtemp(join(tmpdir(), 'footfall-models-'));
  const metrics = createMetrics();
  const detectors = new DetectorPool({
    provider: 'cpu',
    workers: 1,
    maxBatch: 1,
    modelsDirectory,
    metrics,
    log: createLog('counter-service', 'silent'),
    idleSeconds,
  });
  context.after(async () => {
    await detectors.stop();
    await rm(modelsDirectory, { recursive: true });
  });
  for (const name of ['one', 'other']) {
    await mkdir(join(modelsDirectory, name));
    await writeFile(join(modelsDirectory, name, 'model.onnx'), onnx);
    await writeFile(join(modelsDirectory, name, 'model.json'), JSON.stringify({ ...manifest, name }));
  }
  return { detectors, modelsDirectory, runs: async (model: string) => (await metrics.render()).includes(`model="${model}"`) };
}

/** The worker processes of this process. */
async function workers(): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const own = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return state !== 'Z' && Number(parent) === process.pid && command.includes('worker.ts') ? [pid] : [];
  });
  return (await Promise.all(own)).flat();
}

test('a model whose workers are dead makes the counter unready, but only while a stream uses it', async (context) => {
  const { detectors, modelsDirectory } = await setting(context, 60);
  const [dying, sound] = [await detectors.of('one'), await detectors.of('other')];
  assert.equal(detectors.unready(), undefined);
  // Without its file the worker cannot be started again.
  await rm(join(modelsDirectory, 'one', 'model.onnx'));
  await until(async () => {
    if (detectors.unready() !== undefined) return true;
    for (const pid of await workers()) process.kill(pid, 'SIGKILL');
    return false;
  }, 20);
  await until(() => Promise.resolve(detectors.unready() === 'No inference process runs for model one.'), 20);
  dying.release();
  await until(() => Promise.resolve(detectors.unready() === undefined), 20);
  sound.release();
});

test('a detector that no stream uses is stopped after a while, and started again for the next stream', async (context) => {
  const { detectors, runs } = await setting(context, 0.05);
  const first = await detectors.of('one');
  const second = await detectors.of('one');
  assert.equal((await workers()).length, 1, 'both have the same one');
  first.release();
  second.release();
  await until(async () => (await workers()).length === 0 && !(await runs('one')), 10);
  const third = await detectors.of('one');
  assert.deepEqual([(await workers()).length, await runs('one')], [1, true]);
  third.release();
});

test('a detector that a stream uses again in time is not stopped', async (context) => {
  const { detectors } = await setting(context, 60);
  (await detectors.of('one')).release();
  const before = await workers();
  const again = await detectors.of('one');
  assert.deepEqual(await workers(), before);
  again.release();
  await assert.rejects(detectors.of('none'), { name: 'ModelError' });
});
