/**
 * Where the counters are now. The name of a headless Service stands for the addresses of all its counters, and they
 * come and go: each name is looked up again before each dial.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { pause } from '#proto/process/backoff.ts';

export interface Directory {
  /** Reports faults of a name server in the listing; returns early when the signal aborts. */
  lookUp(signal: AbortSignal): Promise<Listing>;
}

export interface Listing {
  /** host:port of each counter, without duplicates. */
  readonly addresses: readonly string[];
  /** Which names stand for no address, and why; empty when each stands for one. */
  readonly sentence: string;
}

/** All addresses of a host, IPv4 and IPv6; rejects with the system's error. */
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
  /** The end of a sentence: why there are no addresses. */
  readonly why: string;
}

/** The system's codes for a name that does not exist, or has no address. */
const NO_ADDRESS: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);
const NO_NAME_SERVER: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ECONNREFUSED']);

/** @throws Error with half a sentence. */
export function parseCounter(counter: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(counter) ?? [];
  const host = bracketed ?? plain;
  const sound = host !== undefined && Number(port) > 0 && Number(port) <= 65535 && (bracketed === undefined || isIP(bracketed) === 6);
  if (!sound) throw new Error(`must be host:port, like counter.example:7443 or [2001:db8::7]:7443, found ${counter}`);
  return { host, port: Number(port) };
}

export class NamedCounters implements Directory {
  readonly #options: NamedCountersOptions;
  /** The system's lookup cannot be cancelled, and holds one of few threads: while one hangs, no second one begins. */
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
    const timeOut = async (): Promise<Found> => {
      await pause(patienceSeconds, AbortSignal.any([signal, answered.signal]));
      return { addresses: [], result: 'late', why: `the name server has not answered for ${patienceSeconds} s` };
    };
    const found = await Promise.race([this.#underWay.get(host) ?? this.#begin(host), timeOut()]);
    answered.abort();
    if (!signal.aborted) onLookup(found.result);
    return found;
  }

  #begin(host: string): Promise<Found> {
    const { resolve = systemResolve } = this.#options;
    const underWay = resolve(host)
      .then((addresses) => (addresses.length > 0 ? { addresses, result: 'found' as const, why: '' } : noAddress()), lookupFailure)
      .finally(() => this.#underWay.delete(host));
    this.#underWay.set(host, underWay);
    return underWay;
  }
}

/** Through the system's hosts file and search domains. */
async function systemResolve(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function noAddress(): Found {
  return { addresses: [], result: 'nothing', why: 'the name stands for no address' };
}

function lookupFailure(error: unknown): Found {
  const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
  if (NO_ADDRESS.has(code)) return noAddress();
  const why = NO_NAME_SERVER.has(code) ? 'the name server does not answer' : `the name cannot be looked up (${code})`;
  return { addresses: [], result: 'failed', why };
}

function withPort(address: string, port: number): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
