/**
 * A process of the benchmark: runs the stages of the chain over a clip in one process, one after the other, and prints the
 * cost of each. The chain costs more because it has several processes for many cameras.
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { analyse, startAnalysis, type View } from '../../counter-service/src/analysis/analysis.ts';
import { decode, type Outputs } from '../../counter-service/src/detection/layouts.ts';
import { loadModel } from '../../counter-service/src/detection/manifest.ts';
import { fullPicturePlan, toSource } from '../../counter-service/src/detection/plan.ts';
import { colourPlanes, fillPadding, normalise } from '../../counter-service/src/detection/preprocess.ts';
import { type DecodedFrame, startDecoder } from '../../counter-service/src/media/decoder.ts';
import { readUnits } from './clip.ts';
import { cpuOf } from '../machine/processes.ts';
import type { StageCosts, StagesTask } from './stages.ts';

const SCORE_FLOOR = 0.15;
const RAW_RUNS = 300;
/** Not measured: code is slow until it is compiled. */
const WARM_FRAMES = 100;

async function measure({ clip, lines, framesPerSecond, model: name }: StagesTask): Promise<StageCosts> {
  const model = await loadModel(fileURLToPath(new URL('../../models', import.meta.url)), name);
  const {
    manifest: { input, output },
  } = model;
  const session = await ort.InferenceSession.create(model.path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const { codec, units } = await readUnits(clip);
  const plan = fullPicturePlan(codec, input);
  const planes = colourPlanes(input);
  const tensor = new ort.Tensor('float32', new Float32Array(3 * plan.input.width * plan.input.height), [
    1,
    3,
    plan.input.height,
    plan.input.width,
  ]);
  const feeds = { [input.tensor]: tensor };
  const view: View = { lines, zones: [], picture: codec, input, region: 'full' };
  const detection = { model: name, framesPerSecond, view: 'Oblique', region: 'full' } as const;
  let state = startAnalysis(view, undefined, 0);

  const spent = { reading: 0, preprocessing: 0, inference: 0, postprocessing: 0, counting: 0 };
  let [frames, mark] = [0, process.cpuUsage()];
  const stage = (of: keyof typeof spent): void => {
    const { user, system } = process.cpuUsage(mark);
    if (frames > WARM_FRAMES) spent[of] += (user + system) / 1000;
    mark = process.cpuUsage();
  };
  const decodedBefore = cpuOf('self').reaped;
  const decoder = startDecoder({ codec, framesPerSecond, crop: plan.crop, ...plan.picture });
  const feeding = (async () => {
    for (const unit of units) await decoder.write(unit);
    decoder.end();
  })();
  const count = async ({ presentationMicros, pixels }: DecodedFrame): Promise<void> => {
    if (plan.picture.width < plan.input.width || plan.picture.height < plan.input.height) {
      fillPadding(tensor.data, planes, input.resize.fit === 'pad' ? input.resize.value : 0);
    }
    normalise(pixels, plan.picture, planes, { tensor: tensor.data, input: plan.input });
    stage('preprocessing');
    const outputs = (await session.run(feeds)) as unknown as Outputs;
    stage('inference');
    const detections = toSource(decode(output, outputs, { index: 0, input: plan.input, scoreFloor: SCORE_FLOOR }), plan);
    stage('postprocessing');
    const span = { units: 1, position: frames, newestMicros: presentationMicros };
    ({ state } = analyse(state, { presentationMicros, span, detections }, detection, view));
    stage('counting');
  };
  for await (const frame of decoder.frames) {
    frames += 1;
    stage('reading');
    await count(frame);
  }
  await feeding;
  const perFrame = (of: keyof typeof spent): number => spent[of] / (frames - WARM_FRAMES);

  const rawAt = performance.now();
  for (let run = 0; run < RAW_RUNS; run += 1) await session.run(feeds);
  const rawRunsPerSecond = (1000 * RAW_RUNS) / (performance.now() - rawAt);
  return {
    shape: `${plan.input.width}x${plan.input.height}`,
    rawRunsPerSecond,
    decoding: (cpuOf('self').reaped - decodedBefore) / frames,
    reading: perFrame('reading'),
    preprocessing: perFrame('preprocessing'),
    inference: perFrame('inference'),
    postprocessing: perFrame('postprocessing'),
    counting: perFrame('counting'),
  };
}

process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as StagesTask)));
