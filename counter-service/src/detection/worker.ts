import { readSync, writeSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { decode, misfit, type Outputs } from './layouts.ts';
import type { Model } from './manifest.ts';
import type { Size } from './plan.ts';
import { colourPlanes, fillPadding, normalise, type Planes } from './preprocess.ts';
import {
  encode,
  ExecutionProvider,
  pictureBytes,
  WORKER_PIPE,
  type Answer,
  type DetectRequest,
  type LoadRequest,
  type Request,
} from './wire.ts';

/**
 * A worker process: one inference session on one thread, which answers requests one by one (see wire.ts).
 * `session.run` blocks its thread. So it has its own process, and reading the pipe may block as well.
 */
interface Loaded {
  readonly session: ort.InferenceSession;
  readonly model: Model;
  readonly planes: Planes;
  readonly tensors: TensorPool;
}

async function main(): Promise<void> {
  // Ctrl-C reaches the whole process group, but the parent decides when its workers stop.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  ort.env.logLevel = 'fatal';
  let loaded: Loaded | undefined;
  for (let request = readRequest(); request !== undefined; request = readRequest()) {
    let answer: Answer;
    if (request.kind === 'load') {
      const result = await load(request);
      loaded = 'session' in result ? result : undefined;
      answer = 'session' in result ? { kind: 'loaded', maxBatch: maxBatch(result.session) } : result;
    } else {
      answer = loaded === undefined ? { kind: 'failed', reason: 'no model is loaded' } : await detect(loaded, request);
    }
    writeFully(encode(answer));
  }
  await loaded?.session.release();
}

// --- loading ---

type Refused = Extract<Answer, { kind: 'refused' }>;

function refused(reason: string): Refused {
  return { kind: 'refused', reason };
}

async function load({ model, provider }: LoadRequest): Promise<Loaded | Refused> {
  const { manifest, path } = model;
  const manifestPath = path.replace(/[^/\\]*$/, 'model.json');
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(path, sessionOptions(provider));
  } catch (error) {
    return refused(createFailure(model, provider, error));
  }
  const wrongInput = inputMisfit(session, manifest.input);
  if (wrongInput !== undefined) return refused(`${manifestPath}: ${wrongInput}.`);
  const loaded: Loaded = { session, model, planes: colourPlanes(manifest.input), tensors: new TensorPool() };
  for (const input of trialSizes(manifest.input)) {
    try {
      const outputs = await run(loaded, blank(input), Buffer.alloc(pictureBytes(input)));
      const wrongOutput = misfit(manifest.output, outputs, input);
      if (wrongOutput !== undefined) return refused(`${manifestPath}: ${wrongOutput}.`);
    } catch (error) {
      return refused(`${manifestPath}: input: the model fails on a blank picture of ${input.width}x${input.height}: ${firstLine(error)}.`);
    }
  }
  return loaded;
}

/**
 * One thread: two threads in one session spin against each other and cost twice the CPU. Level "all" (the blocked
 * layout of convolutions) halves the CPU of a run; arena, memory pattern, denormals and prepacking have no measurable effect.
 * TensorRT leaves operators that it lacks to CUDA. With a single provider, the runtime throws when it is not available.
 */
function sessionOptions(provider: ExecutionProvider): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: provider === ExecutionProvider.TensorRt ? ['tensorrt', 'cuda'] : [provider],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  };
}

const PROVIDER_NEEDS: Record<ExecutionProvider, string> = {
  cpu: 'nothing more',
  cuda: "an NVIDIA GPU, CUDA 12, cuDNN 9 and onnxruntime-node's CUDA libraries",
  tensorrt: "an NVIDIA GPU, CUDA 12, TensorRT 10 and onnxruntime-node's CUDA libraries",
  webgpu: 'a GPU with a Vulkan, Metal or Direct3D 12 driver',
};

/** A missing provider and an unreadable file both throw when the session is created: the message tells them apart. */
function createFailure({ path }: Model, provider: ExecutionProvider, error: unknown): string {
  const detail = firstLine(error);
  if (provider === ExecutionProvider.Cpu || /protobuf|model|opset|INVALID_GRAPH|load model/i.test(detail)) {
    return `${path}: the runtime cannot load it: ${detail}.`;
  }
  return `Execution provider ${provider} cannot be used (${detail}); it needs ${PROVIDER_NEEDS[provider]}.`;
}

function inputMisfit(session: ort.InferenceSession, input: Model['manifest']['input']): string | undefined {
  const found = session.inputMetadata.find((metadata) => metadata.name === input.tensor);
  if (found === undefined)
    return `input.tensor: the model has no input ${JSON.stringify(input.tensor)}, only ${session.inputNames.join(', ')}`;
  if (!found.isTensor || found.type !== 'float32') return `input.tensor: ${JSON.stringify(input.tensor)} is not a float32 tensor`;
  const [, channels, height, width] = found.shape;
  const shape = `the model's input has shape [${found.shape.join(', ')}]`;
  if (found.shape.length !== 4 || (typeof channels === 'number' && channels !== 3))
    return `input.tensor: ${shape}, not [batch, 3, height, width]`;
  for (const [field, size] of [
    ['width', width],
    ['height', height],
  ] as const) {
    if (typeof size !== 'number') continue;
    if (size !== input[field]) return `input.${field}: is ${input[field]} but ${shape}`;
    if (input.multiple !== undefined) return `input.multiple: is ${input.multiple} but ${shape}, which allows one size only`;
  }
  return undefined;
}

/** The largest input size; also the smallest one for a model that takes many sizes. */
function trialSizes({ width, height, multiple }: Model['manifest']['input']): Size[] {
  const least = (side: number): number => Math.min(side, Math.ceil(128 / (multiple ?? 1)) * (multiple ?? 1));
  return multiple === undefined
    ? [{ width, height }]
    : [
        { width, height },
        { width: least(width), height: least(height) },
      ];
}

function maxBatch(session: ort.InferenceSession): number {
  const batches = [...session.inputMetadata, ...session.outputMetadata].map((metadata) =>
    metadata.isTensor ? metadata.shape[0] : undefined,
  );
  return Math.min(...batches.map((batch) => (typeof batch === 'number' ? batch : Infinity)), Number.MAX_SAFE_INTEGER);
}

// --- running ---

async function detect(loaded: Loaded, request: DetectRequest): Promise<Answer> {
  const before = process.cpuUsage();
  try {
    const outputs = await run(loaded, request, pixelBuffer(request));
    const { input, scoreFloor } = request;
    const detections = request.pictures.map((_, index) => decode(loaded.model.manifest.output, outputs, { index, input, scoreFloor }));
    const { user, system } = process.cpuUsage(before);
    return { kind: 'detected', detections, inferenceCpuMs: (user + system) / 1000 };
  } catch (error) {
    return { kind: 'failed', reason: firstLine(error) };
  }
}

async function run({ session, model, planes, tensors }: Loaded, { input, pictures }: DetectRequest, pixels: Buffer): Promise<Outputs> {
  const { manifest } = model;
  const paddingByte = manifest.input.resize.fit === 'pad' ? manifest.input.resize.value : 0;
  const tensor = tensors.get(pictures.length, input);
  const stride = 3 * input.width * input.height;
  let offset = 0;
  for (const [index, picture] of pictures.entries()) {
    const target = tensor.data.subarray(index * stride, (index + 1) * stride);
    if (picture.width < input.width || picture.height < input.height) fillPadding(target, planes, paddingByte);
    normalise(pixels.subarray(offset, offset + pictureBytes(picture)), picture, planes, { tensor: target, input });
    offset += pictureBytes(picture);
  }
  return (await session.run({ [manifest.input.tensor]: tensor })) as unknown as Outputs;
}

type InputTensor = ort.TypedTensor<'float32'>;

/** Keeps input tensors by shape, so that a run allocates nothing. Streams share a few shapes. */
class TensorPool {
  readonly #tensors = new Map<string, InputTensor>();

  get(batch: number, { width, height }: Size): InputTensor {
    const key = `${batch} ${width} ${height}`;
    const kept = this.#tensors.get(key);
    if (kept !== undefined) return kept;
    // A full pool is cleared: it fills up only when the plans of many streams change.
    if (this.#tensors.size >= 32) this.#tensors.clear();
    const tensor = new ort.Tensor('float32', new Float32Array(batch * 3 * width * height), [batch, 3, height, width]);
    this.#tensors.set(key, tensor);
    return tensor;
  }
}

function blank(input: Size): DetectRequest {
  return { kind: 'detect', input, pictures: [input], scoreFloor: 0 };
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').trim().replace(/\.$/, '');
}

// --- the pipe ---

let kept = Buffer.alloc(0);

/** Reads the pixels that follow the header on the pipe, into a buffer that the next request overwrites. */
function pixelBuffer({ pictures }: DetectRequest): Buffer {
  const length = pictures.reduce((sum, picture) => sum + pictureBytes(picture), 0);
  if (kept.length < length) kept = Buffer.allocUnsafeSlow(length);
  const pixels = kept.subarray(0, length);
  if (!readFully(pixels)) throw new Error('the pipe ended within a picture');
  return pixels;
}

function readRequest(): Request | undefined {
  const length = Buffer.alloc(4);
  if (!readFully(length)) return undefined;
  const header = Buffer.alloc(length.readUInt32LE());
  return readFully(header) ? (JSON.parse(header.toString()) as Request) : undefined;
}

/** @returns false at the end of the pipe. */
function readFully(buffer: Buffer): boolean {
  for (let at = 0; at < buffer.length;) {
    const count = readSync(WORKER_PIPE, buffer, at, buffer.length - at, null);
    if (count === 0) return false;
    at += count;
  }
  return true;
}

function writeFully(buffer: Buffer): void {
  for (let at = 0; at < buffer.length;) at += writeSync(WORKER_PIPE, buffer, at);
}

await main();
