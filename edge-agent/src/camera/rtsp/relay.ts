/**
 * Between ffmpeg and a camera: the connection is made here, to an address that was judged just before, and ffmpeg is
 * given a port of this host that leads there and nowhere else, once. So no name is looked up twice, and what a camera
 * answers is looked at (see `answers.ts`). For rtsps the encryption ends here.
 */
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { type AddressInfo, connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Answers, ForbiddenAnswer } from './answers.ts';
import { CameraFault, forbiddenFault, unreachableFault } from '../faults.ts';
import { type CameraNetworks, isListedName, objectionToAddress, objectionToName } from '../networks.ts';

export interface Relay {
  /** On 127.0.0.1, for one connection. */
  readonly port: number;
  /** Why the relay itself ended the connection; undefined when it did not. */
  readonly fault: () => CameraFault | undefined;
  close(): void;
}

export interface Connect {
  readonly url: string;
  /** Left out, a camera may be anywhere. */
  readonly networks: CameraNetworks | undefined;
  /** Counts up: of several addresses each has its turn. */
  readonly attempt: number;
  /** By default the host's. */
  readonly resolve?: (name: string) => Promise<readonly { readonly address: string }[]>;
}

/** @throws CameraFault, the signal's reason. */
export async function openRelay(to: Connect, signal: AbortSignal): Promise<Relay> {
  const { url } = to;
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'rtsps:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const address = await judgedAddress(to, host, signal);
  const camera = connect({ host: address, port: Number(port) || (secure ? 322 : 554) });
  try {
    await once(camera, 'connect', { signal });
    return await relay(url, secure ? await encrypted(camera, host, signal) : camera, address, signal);
  } catch (error) {
    camera.destroy();
    signal.throwIfAborted();
    throw unreachableFault(url, error as NodeJS.ErrnoException);
  }
}

async function judgedAddress(to: Connect, host: string, signal: AbortSignal): Promise<string> {
  const { url, networks, attempt } = to;
  if (networks === undefined) return isIP(host) === 0 ? oneOf(await lookUp(to, host, signal), attempt) : host;
  const ofName = isIP(host) === 0 ? objectionToName(host, networks) : undefined;
  if (ofName !== undefined) throw forbiddenFault(url, ofName);
  const listed = isIP(host) === 0 && isListedName(host, networks);
  // As it stands: through the pod's search list, a name of two words may mean a Service.
  const name = listed || host.endsWith('.') ? host : `${host}.`;
  const found = isIP(host) === 0 ? await lookUp(to, name, signal) : [host];
  const objections = found.map((address) => objectionToAddress(address, networks, listed));
  const allowed = found.filter((_, index) => objections[index] === undefined);
  if (allowed.length === 0) throw forbiddenFault(url, objections[0]!);
  return oneOf(allowed, attempt);
}

async function lookUp(
  { url, resolve = (host) => lookup(host, { all: true }) }: Connect,
  name: string,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const found = await Promise.race([resolve(name), once(signal, 'abort')]);
    signal.throwIfAborted();
    return (found as { address: string }[]).map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw unreachableFault(url, error as NodeJS.ErrnoException);
  }
}

function oneOf(addresses: readonly string[], attempt: number): string {
  return addresses[attempt % addresses.length]!;
}

/** Cameras sign their certificates themselves: what is on the wire is hidden, but who is at its end is not proven. */
async function encrypted(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  const secure = connectTls({ socket, rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) });
  await once(secure, 'secureConnect', { signal });
  return secure;
}

async function relay(url: string, camera: Socket, address: string, signal: AbortSignal): Promise<Relay> {
  let fault: CameraFault | undefined;
  const listener = createServer({ pauseOnConnect: true }, (reader) => {
    listener.close();
    const answers = new Answers(address);
    const looked = new Transform({
      transform: (bytes: Buffer, _, done) => {
        try {
          done(null, answers.pass(bytes));
        } catch (error) {
          done(error as Error);
        }
      },
    });
    const ended = (error: unknown) => {
      if (error instanceof ForbiddenAnswer) fault ??= forbiddenFault(url, error.message);
      camera.destroy();
      reader.destroy();
    };
    pipeline(camera, looked, reader).then(ended, ended);
    pipeline(reader, camera, { end: false }).catch(ended);
  });
  camera.on('error', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening', { signal });
  return {
    port: (listener.address() as AddressInfo).port,
    fault: () => fault,
    close: () => {
      closeQuietly(listener);
      camera.destroy();
    },
  };
}

function closeQuietly(listener: Server): void {
  if (listener.listening) listener.close();
}
