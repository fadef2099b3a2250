/**
 * The shipped model, whose pictures are half as wide and half as high: how well people are seen is not under trial, and a
 * trial takes half of the time. The film is still counted as it is known to be.
 */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'rtmdet-nano-person';
const SHIPPED = fileURLToPath(new URL(`../../models/${NAME}/`, import.meta.url));

/** @returns a directory of models, as a counter is told. */
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
