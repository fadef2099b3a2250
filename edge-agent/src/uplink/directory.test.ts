/** Which addresses names stand for, also when the name server fails or is silent. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type LookupResult, NamedCounters, parseCounter, type Resolve } from './directory.ts';

const never = new AbortController().signal;

function failing(code: string): Resolve {
  return () => Promise.reject(Object.assign(new Error(`getaddrinfo ${code}`), { code }));
}

interface Case {
  readonly name: string;
  readonly counters?: string[];
  readonly resolve: Resolve;
  readonly addresses: string[];
  readonly sentence?: string;
  readonly results: LookupResult[];
}

const cases: Case[] = [
  {
    name: 'every address, IPv4 and IPv6',
    resolve: () => Promise.resolve(['10.0.0.7', 'fd00::7']),
    addresses: ['10.0.0.7:7443', '[fd00::7]:7443'],
    results: ['found'],
  },
  {
    name: 'an address stands for itself and is not looked up',
    counters: ['10.0.0.7:1', '[fd00::7]:2'],
    resolve: failing('ENOTFOUND'),
    addresses: ['10.0.0.7:1', '[fd00::7]:2'],
    results: [],
  },
  {
    name: 'two names of one counter give it once',
    counters: ['a:1', 'b:1'],
    resolve: () => Promise.resolve(['10.0.0.7', '10.0.0.7']),
    addresses: ['10.0.0.7:1'],
    results: ['found', 'found'],
  },
  {
    name: 'a name without an address',
    resolve: () => Promise.resolve([]),
    addresses: [],
    sentence: 'No counter answers at pool.svc:7443: the name stands for no address.',
    results: ['nothing'],
  },
  {
    name: 'a name that does not exist',
    resolve: failing('ENOTFOUND'),
    addresses: [],
    sentence: 'No counter answers at pool.svc:7443: the name stands for no address.',
    results: ['nothing'],
  },
  {
    name: 'a name server that is unreachable',
    resolve: failing('EAI_AGAIN'),
    addresses: [],
    sentence: 'No counter answers at pool.svc:7443: the name server does not answer.',
    results: ['failed'],
  },
  {
    name: 'a system that fails',
    resolve: failing('EMFILE'),
    addresses: [],
    sentence: 'No counter answers at pool.svc:7443: the name cannot be looked up (EMFILE).',
    results: ['failed'],
  },
  {
    name: 'a name server that is silent',
    resolve: () => new Promise(() => undefined),
    addresses: [],
    sentence: 'No counter answers at pool.svc:7443: the name server has not answered for 0.05 s.',
    results: ['late'],
  },
  {
    name: 'one of two names',
    counters: ['a:1', 'b:2'],
    resolve: (host) => (host === 'b' ? Promise.resolve(['10.0.0.7']) : failing('ENOTFOUND')(host)),
    addresses: ['10.0.0.7:2'],
    sentence: 'No counter answers at a:1: the name stands for no address.',
    results: ['found', 'nothing'],
  },
];

suite('a directory finds', () => {
  for (const { name, counters = ['pool.svc:7443'], resolve, addresses, sentence = '', results } of cases) {
    test(name, { timeout: 5000 }, async () => {
      const heard: LookupResult[] = [];
      const directory = new NamedCounters({ counters, resolve, patienceSeconds: 0.05, onLookup: (result) => heard.push(result) });
      assert.deepEqual(await directory.lookUp(never), { addresses, sentence });
      assert.deepEqual(heard.toSorted(), results);
    });
  }

  test('what has changed since the last lookup', async () => {
    let pool = ['10.0.0.1'];
    const directory = new NamedCounters({ counters: ['pool.svc:7443'], resolve: () => Promise.resolve(pool), onLookup: () => undefined });
    await directory.lookUp(never);
    pool = ['10.0.0.2', '10.0.0.3'];
    assert.deepEqual((await directory.lookUp(never)).addresses, ['10.0.0.2:7443', '10.0.0.3:7443']);
  });

  test('localhost by the system itself', async () => {
    const { addresses } = await new NamedCounters({ counters: ['localhost:7'], onLookup: () => undefined }).lookUp(never);
    assert.ok(
      addresses.some((address) => address === '127.0.0.1:7' || address === '[::1]:7'),
      addresses.join(),
    );
  });
});

test('a lookup that hangs is made once, however often it is awaited, and its late answer is used', { timeout: 5000 }, async () => {
  const answer = Promise.withResolvers<string[]>();
  let asked = 0;
  const resolve = () => {
    asked += 1;
    return answer.promise;
  };
  const directory = new NamedCounters({ counters: ['pool.svc:7443'], resolve, patienceSeconds: 0.02, onLookup: () => undefined });
  await directory.lookUp(never);
  await directory.lookUp(never);
  assert.equal(asked, 1);
  const patient = directory.lookUp(never);
  answer.resolve(['10.0.0.7']);
  assert.deepEqual((await patient).addresses, ['10.0.0.7:7443']);
  await directory.lookUp(never);
  assert.equal(asked, 2, 'an answer is not cached');
});

test('an agent that leaves does not wait for the name server', { timeout: 1000 }, async () => {
  const leaving = new AbortController();
  const directory = new NamedCounters({
    counters: ['pool.svc:7443'],
    resolve: () => new Promise(() => undefined),
    onLookup: () => assert.fail('there is no result'),
  });
  const looking = directory.lookUp(leaving.signal);
  leaving.abort();
  assert.deepEqual((await looking).addresses, []);
});

test('a malformed counter is refused with an example', () => {
  for (const counter of ['pool', 'pool:', 'pool:0', 'pool:70000', ':7443', 'fd00::7:7443', '[pool]:7443', 'a b:1', 'http://pool:1']) {
    assert.throws(() => parseCounter(counter), /must be host:port, like .*, found /, counter);
  }
});
