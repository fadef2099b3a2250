import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const size = z.int().min(32).max(4096);
const tensorName = z.string().min(1);
const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);
const threePositive = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const personClasses = z.array(z.int().min(0)).min(1);
const nmsIou = z.number().gt(0).lt(1);

const outputSchema = z.discriminatedUnion('layout', [
  z.strictObject({
    layout: z.literal('boxes'),
    boxes: tensorName,
    labels: tensorName.optional(),
    personClasses,
    /** Absent: the model itself suppresses overlapping boxes. */
    nmsIou: nmsIou.optional(),
  }),
  z.strictObject({
    layout: z.literal('yolox'),
    tensor: tensorName,
    strides: z.array(z.int().positive()).min(1).default([8, 16, 32]),
    personClasses,
    nmsIou,
  }),
  z.strictObject({ layout: z.literal('yolov8'), tensor: tensorName, personClasses, nmsIou }),
]);

const inputSchema = z
  .strictObject({
    tensor: tensorName,
    width: size,
    height: size,
    /** If present, the model takes any size whose sides are multiples of it; otherwise exactly width x height. */
    multiple: z.int().min(1).max(256).optional(),
    channelOrder: z.enum(['bgr', 'rgb']),
    /** On values 0 to 255, in the model's channel order. */
    mean: threeNumbers,
    std: threePositive,
    resize: z.discriminatedUnion('fit', [
      z.strictObject({ fit: z.literal('pad'), value: z.int().min(0).max(255) }),
      z.strictObject({ fit: z.literal('stretch') }),
    ]),
  })
  .refine((input) => input.multiple === undefined || input.resize.fit === 'pad', {
    path: ['multiple'],
    error: 'a model of many sizes needs resize.fit "pad"',
  })
  .refine((input) => input.width % (input.multiple ?? 1) === 0 && input.height % (input.multiple ?? 1) === 0, {
    path: ['multiple'],
    error: 'width and height must be multiples of it',
  });

const manifestSchema = z.strictObject({
  name: z.string(),
  /** Beside the manifest, never elsewhere. */
  file: z.string().regex(/^[\w-][\w.-]*\.onnx$/, 'must be the name of an .onnx file in the same folder'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case'),
  licence: z.string().min(1),
  input: inputSchema,
  output: outputSchema,
});

export type ModelManifest = z.infer<typeof manifestSchema>;
export type ModelInput = ModelManifest['input'];
export type ModelOutput = ModelManifest['output'];

/** A checked manifest and the file it describes. */
export interface Model {
  readonly manifest: ModelManifest;
  readonly path: string;
}

/** The model cannot be used until its files are repaired; the message is one sentence that names the fault. */
export class ModelError extends Error {
  override name = 'ModelError';
}

/** Finds a model by its folder's name. Throws ModelError. */
export async function loadModel(directory: string, name: string): Promise<Model> {
  // The name comes from a user's resource and becomes a path.
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) || name.includes('..')) {
    throw new ModelError(`detection.model: ${JSON.stringify(name)} is not a model's name (lower-case letters, digits, - and .).`);
  }
  const manifestPath = join(directory, name, 'model.json');
  const manifest = parseManifest(manifestPath, await readOrExplain(manifestPath, `there is no model ${JSON.stringify(name)}`));
  if (manifest.name !== name) {
    throw new ModelError(`${manifestPath}: name: is ${JSON.stringify(manifest.name)} but the folder is ${JSON.stringify(name)}.`);
  }
  const path = join(directory, name, manifest.file);
  const sha256 = createHash('sha256')
    .update(await readOrExplain(path, `${manifestPath}: file: names ${JSON.stringify(manifest.file)}`))
    .digest('hex');
  if (sha256 !== manifest.sha256) {
    throw new ModelError(`${manifestPath}: sha256: says ${manifest.sha256} but ${manifest.file} has ${sha256}.`);
  }
  return { manifest, path };
}

function parseManifest(path: string, text: Buffer): ModelManifest {
  let json: unknown;
  try {
    json = JSON.parse(text.toString());
  } catch (error) {
    throw new ModelError(`${path}: is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const value = issue?.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], json);
  const shown = value === undefined ? '' : `, is ${JSON.stringify(value)}`;
  throw new ModelError(`${path}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'is not a manifest'}${field === '' ? '' : shown}.`);
}

async function readOrExplain(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ModelError(`${what}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`, { cause: error });
  }
}
