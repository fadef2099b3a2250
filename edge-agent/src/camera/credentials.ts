/**
 * How a camera is asked for its video: its address, and user name and password, read at each connection: a Secret may come, or
 * change, while the agent runs.
 *
 * For cameras that know no other way to be told, an address may have them in its path or query:
 * rtsp://10.0.0.8/user={username}_password={password}.sdp. No other keys: who may name a Secret need not have a right to it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CameraSource } from './camera.ts';
import { credentialsFault } from './faults.ts';
import type { Trust } from './guard.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface CameraAccess {
  /** With what the braces stand for: it may be secret. */
  readonly url: string;
  /** For a camera that asks for it. */
  readonly login: Credentials | undefined;
  /** What must not be seen of it. */
  readonly secrets: readonly string[];
}

const KEY_IN_BRACES = /\{(username|password)\}/g;

/** @throws CameraFault when a file is missing. */
export async function readAccess({ url, credentialsDirectory }: CameraSource): Promise<CameraAccess> {
  if (credentialsDirectory === undefined) return { url, login: undefined, secrets: [] };
  const keys = new Set([...url.matchAll(KEY_IN_BRACES)].map(([, key]) => key!));
  // Whose address holds all that the camera asks for needs no login beside it.
  const isInAddress = keys.size > 0;
  const values = new Map<string, string>();
  for (const key of isInAddress ? keys : ['username', 'password']) {
    const value = await readKey(credentialsDirectory, key);
    if (value === undefined) throw credentialsFault(url, key, join(credentialsDirectory, key));
    values.set(key, value);
  }
  const { username, password } = Object.fromEntries(values);
  const expanded = url.replaceAll(KEY_IN_BRACES, (_, key: string) => encodeURIComponent(values.get(key)!));
  return {
    url: expanded,
    login: username === undefined || password === undefined ? undefined : { username, password },
    secrets: isInAddress ? [...values.values(), afterHost(expanded)] : [password!],
  };
}

/** How a source of another kind than RTSP is asked. */
interface Asking {
  readonly access: CameraAccess;
  readonly bearerToken: string | undefined;
  readonly trust: Trust;
}

/** @throws CameraFault when a file is missing. */
export async function readAsking(source: CameraSource): Promise<Asking> {
  const { credentialsDirectory, insecureSkipTLSVerify: anybody } = source;
  const key = async (name: string) => (credentialsDirectory === undefined ? undefined : readKey(credentialsDirectory, name));
  const bearerToken = (await key('bearerToken'))?.trim();
  const authorities = await key('ca.crt');
  const isOpen = bearerToken !== undefined || (authorities !== undefined && (await key('username')) === undefined);
  const access = await readAccess(isOpen && !source.url.includes('{') ? { ...source, credentialsDirectory: undefined } : source);
  return { access, bearerToken, trust: { authorities, anybody } };
}

/** Undefined when the Secret does not have it. */
async function readKey(credentialsDirectory: string, key: string): Promise<string | undefined> {
  const bytes = await readFile(join(credentialsDirectory, key)).catch(() => undefined);
  return bytes && secretText(bytes);
}

/** As editors write it: in UTF-8 or UTF-16, with or without a byte order mark and a newline at the end. */
function secretText(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes).replace(/\r?\n$/, '');
}

function afterHost(url: string): string {
  return /^\w+:\/\/[^/?]*(.*)$/s.exec(url)?.[1] ?? '';
}
