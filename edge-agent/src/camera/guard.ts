/**
 * Connects to cameras, and only where cameras may be: the host's name is looked up once, the addresses are checked, and the
 * connection goes to one of those. A second lookup could give another address.
 */
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { schemeOf } from '#crds/source-kinds.ts';
import { forbiddenFault, unreachableFault, untrustedFault } from './faults.ts';
import { type CameraNetworks, isListedName, objectionToAddress, objectionToName } from './networks.ts';

export interface Connection {
  readonly socket: Socket;
  /** The camera's address. */
  readonly address: string;
}

/** Whom a camera may be, where certificates are verified. */
export interface Trust {
  /** PEM; by default those that Node knows. */
  readonly authorities?: string | undefined;
  readonly anybody?: boolean | undefined;
}

export type Resolve = (name: string) => Promise<readonly { readonly address: string }[]>;

export class Guard {
  readonly #networks: CameraNetworks | undefined;
  readonly #resolve: Resolve;
  #connects = 0;

  /** @param networks where cameras may be; undefined, as in local mode, is anywhere. */
  constructor(networks: CameraNetworks | undefined, resolve: Resolve = (name) => lookup(name, { all: true })) {
    this.#networks = networks;
    this.#resolve = resolve;
  }

  /** Encrypted if the scheme is. @throws CameraFault, the signal's reason. */
  async connect(url: string, signal: AbortSignal, trust: Trust = {}): Promise<Connection> {
    const { hostname, port } = new URL(url);
    const scheme = schemeOf(url)!;
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const address = await this.#chooseAddress(url, host, signal);
    const socket = connect({ host: address, port: Number(port) || scheme.port });
    try {
      await once(socket, 'connect', { signal });
      const anybody = scheme.verified !== true || trust.anybody === true;
      return { socket: scheme.encrypted ? await encrypt(socket, host, { ...trust, anybody }, signal) : socket, address };
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      if (isOfCertificate(error as NodeJS.ErrnoException)) throw untrustedFault(url, error as Error);
      throw unreachableFault(url, error as NodeJS.ErrnoException);
    }
  }

  /** Of several addresses each has its turn. */
  async #chooseAddress(url: string, host: string, signal: AbortSignal): Promise<string> {
    const addresses =
      this.#networks === undefined ? await this.#lookUp(url, host, signal) : await this.#allowedAddresses(url, host, signal);
    this.#connects += 1;
    return addresses[this.#connects % addresses.length]!;
  }

  async #allowedAddresses(url: string, host: string, signal: AbortSignal): Promise<string[]> {
    const networks = this.#networks!;
    const isName = isIP(host) === 0;
    const objectionToHost = isName ? objectionToName(host, networks) : undefined;
    if (objectionToHost !== undefined) throw forbiddenFault(url, objectionToHost);
    const listed = isName && isListedName(host, networks);
    // Other names are absolute: through the pod's search list, a name of two words may mean a Service.
    const name = !isName || listed || host.endsWith('.') ? host : `${host}.`;
    const found = await this.#lookUp(url, name, signal);
    const objections = found.map((address) => objectionToAddress(address, networks, listed));
    const allowed = found.filter((_, index) => objections[index] === undefined);
    if (allowed.length === 0) throw forbiddenFault(url, objections[0]!);
    return allowed;
  }

  async #lookUp(url: string, host: string, signal: AbortSignal): Promise<string[]> {
    if (isIP(host) !== 0) return [host];
    try {
      const found = await Promise.race([this.#resolve(host), once(signal, 'abort')]);
      signal.throwIfAborted();
      const addresses = (found as { address: string }[]).map(({ address }) => address);
      if (addresses.length === 0) throw Object.assign(new Error('The name stands for no address.'), { code: 'ENOTFOUND' });
      return addresses;
    } catch (error) {
      signal.throwIfAborted();
      throw unreachableFault(url, error as NodeJS.ErrnoException);
    }
  }
}

/** Most cameras sign their certificates themselves: with `anybody`, the video is hidden on the wire, but who sends it is not proven. */
async function encrypt(socket: Socket, host: string, { authorities, anybody }: Trust, signal: AbortSignal): Promise<Socket> {
  const secure = connectTls({
    socket,
    rejectUnauthorized: anybody !== true,
    ...(authorities !== undefined && { ca: authorities }),
    // For an address, against which the certificate is checked; a name is sent, too.
    host,
    ...(isIP(host) === 0 && { servername: host }),
  });
  await once(secure, 'secureConnect', { signal });
  return secure;
}

function isOfCertificate({ code = '' }: NodeJS.ErrnoException): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH/.test(code);
}
