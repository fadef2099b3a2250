/**
 * Where the counters are now. The name of a headless Service stands for the addresses of all its counters, and they
 * come and go: each name is looked up anew whenever a counter is to be dialed.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { pause } from '#proto/process/backoff.ts';

export interface Directory {
  /** Never fails for what a name server does; returns early when the signal aborts. */
  lookUp(signal: AbortSignal): Promise<Listing>;
}

export interface Listing {
  /** host:port of every counter that was found, each once. */
  readonly addresses: readonly string[];
  /** What was not found, and why, in one sentence; empty when every name stands for something. */
  readonly sentence: string;
}

/** Every address that a host stands for, IPv4 and IPv6; rejects with the system's error. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export type LookupResult = 'found' | 'nothing' | 'failed' | 'late';

export interface NamedCountersOptions {
  /** host:port, the host a name or an address. */
  readonly counters: readonly string[];
  readonly onLookup: (result: LookupResult) => void;
  readonly resolve?: Resolve;
  /** How long a lookup may take. Default 5. */
  readonly patienceSeconds?: number;
}

interface Found {
  readonly addresses: readonly string[];
  readonly result: LookupResult;
  /** Ends a sentence: why there are none. */
  readonly why: string;
}

/** What the system says of a name that there is, but without an address, or that there is not. */
const STANDS_FOR_NOTHING: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);
const NO_NAME_SERVER: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ECONNREFUSED']);

/** @throws Error in a few words when it is no host:port. */
export function parseCounter(counter: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(counter) ?? [];
  const host = bracketed ?? plain;
  const sound = host !== undefined && Number(port) > 0 && Number(port) <= 65535 && (bracketed === undefined || isIP(bracketed) === 6);
  if (!sound) throw new Error(`must be host:port, like counter.example:7443 or [2001:db8::7]:7443, found ${counter}`);
  return { host, port: Number(port) };
}

export class NamedCounters implements Directory {
  readonly #options: NamedCountersOptions;
  /** The system's lookup cannot be cancelled, and holds one of few threads: one that hangs is waited for again, a second never joins it. */
  readonly #underWay = new Map<string, Promise<Found>>();

  constructor(options: NamedCountersOptions) {
    this.#options = options;
  }

  async lookUp(signal: AbortSignal): Promise<Listing> {
    const listings = this.#options.counters.map(async (counter) => {
      const { host, port } = parseCounter(counter);
      const { addresses, why } = isIP(host) === 0 ? await this.#lookUp(host, signal) : { addresses: [host], why: '' };
      return { addresses: addresses.map((address) => withPort(address, port)), missing: why && `${counter}: ${why}` };
    });
    const found = await Promise.all(listings);
    const missing = found.flatMap((one) => (one.missing === '' ? [] : [one.missing]));
    return {
      addresses: [...new Set(found.flatMap(({ addresses }) => addresses))],
      sentence: missing.length === 0 ? '' : `No counter answers at ${missing.join('; ')}.`,
    };
  }

  async #lookUp(host: string, signal: AbortSignal): Promise<Found> {
    const { patienceSeconds = 5, onLookup } = this.#options;
    const answered = new AbortController();
    const late = async (): Promise<Found> => {
      await pause(patienceSeconds, AbortSignal.any([signal, answered.signal]));
      return { addresses: [], result: 'late', why: `the name server has not answered for ${patienceSeconds} s` };
    };
    const found = await Promise.race([this.#underWay.get(host) ?? this.#begin(host), late()]);
    answered.abort();
    if (!signal.aborted) onLookup(found.result);
    return found;
  }

  #begin(host: string): Promise<Found> {
    const { resolve = systemResolve } = this.#options;
    const underWay = resolve(host)
      .then((addresses) => (addresses.length > 0 ? { addresses, result: 'found' as const, why: '' } : nothing()), failed)
      .finally(() => this.#underWay.delete(host));
    this.#underWay.set(host, underWay);
    return underWay;
  }
}

/** As the system does it: with its hosts file and its search domains. */
async function systemResolve(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function nothing(): Found {
  return { addresses: [], result: 'nothing', why: 'the name stands for no address' };
}

function failed(error: unknown): Found {
  const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
  if (STANDS_FOR_NOTHING.has(code)) return nothing();
  const why = NO_NAME_SERVER.has(code) ? 'the name server does not answer' : `the name cannot be looked up (${code})`;
  return { addresses: [], result: 'failed', why };
}

function withPort(address: string, port: number): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
