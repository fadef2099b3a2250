/**
 * The shipped model with an input half as wide and half as high: detection quality is not under trial, and a trial takes
 * half of the time. The film's counts stay the known ones.
 */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'rtmdet-nano-person';
const SHIPPED = fileURLToPath(new URL(`../../models/${NAME}/`, import.meta.url));

/** @returns a directory of models for a counter's configuration. */
export async function makeModels(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(SHIPPED, 'model.json'), 'utf8')) as {
    file: string;
    input: { width: number; height: number };
  };
  const { file, input } = manifest;
  const models = join(folder, 'models');
  await mkdir(join(models, NAME), { recursive: true });
  await symlink(join(SHIPPED, file), join(models, NAME, file));
  const smaller = { ...manifest, input: { ...input, width: input.width / 2, height: input.height / 2 } };
  await writeFile(join(models, NAME, 'model.json'), JSON.stringify(smaller));
  return models;
}
