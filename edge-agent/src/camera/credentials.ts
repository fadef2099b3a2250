/** A camera's user name and password, read at each connection: a Secret may come, or change, while the agent runs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CameraSource } from './camera.ts';
import { credentialsFault } from './faults.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Undefined for a camera without. @throws CameraFault when a file is missing. */
export async function readCredentials({ url, credentialsDirectory }: CameraSource): Promise<Credentials | undefined> {
  if (credentialsDirectory === undefined) return undefined;
  const read = async (name: string): Promise<string> => {
    const file = join(credentialsDirectory, name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) throw credentialsFault(url, name, file);
    return text.replace(/\r?\n$/, '');
  };
  return { username: await read('username'), password: await read('password') };
}
