import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, constantFrom, property, record, uniqueArray } from 'fast-check';
import type { WatchEvent } from './api.ts';
import { Cache, changesOfEvent, changesOfList, keyOf } from './cache.ts';

interface Camera {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly site: string | undefined;
}

const camera = (name: string, resourceVersion = '1', { uid = name, site }: { uid?: string; site?: string } = {}): Camera => ({
  metadata: { namespace: 'shop', name, uid, resourceVersion },
  site,
});

const known = (...cameras: Camera[]) => new Map(cameras.map((one) => [keyOf(one), one]));

const events: readonly [string, Map<string, Camera>, WatchEvent<Camera>['type'], Camera, string[]][] = [
  ['a new object', known(), 'ADDED', camera('a'), ['a@1']],
  ['a change', known(camera('a')), 'MODIFIED', camera('a', '2'), ['a@2']],
  ['what is known already', known(camera('a', '2')), 'ADDED', camera('a', '2'), []],
  ['a deletion', known(camera('a')), 'DELETED', camera('a', '3'), ['a@3 deleted']],
  ['a deletion of what nobody knew', known(), 'DELETED', camera('a', '3'), []],
  ['another object of the name', known(camera('a')), 'ADDED', camera('a', '4', { uid: 'other' }), ['a@1 deleted', 'a@4']],
  ['a bookmark', known(camera('a')), 'BOOKMARK', camera('a', '9'), []],
];

const shown = (changes: readonly { object: Camera; deleted: boolean }[]) =>
  changes.map(
    ({
      object: {
        metadata: { name, resourceVersion },
      },
      deleted,
    }) => `${name}@${resourceVersion}${deleted ? ' deleted' : ''}`,
  );

for (const [what, before, type, object, expected] of events) {
  test(`an event of ${what}`, () => assert.deepEqual(shown(changesOfEvent(before, { type, object })), expected));
}

test('a list tells what went, what came, and what changed, and nothing of the rest', () => {
  const before = known(camera('gone'), camera('same'), camera('changed'), camera('replaced'));
  const listed = [camera('same'), camera('changed', '2'), camera('replaced', '3', { uid: 'other' }), camera('new')];
  assert.deepEqual(shown(changesOfList(before, listed)), ['gone@1 deleted', 'changed@2', 'replaced@1 deleted', 'replaced@3', 'new@1']);
});

const anyCamera = record({
  name: constantFrom('a', 'b', 'c', 'd'),
  version: constantFrom('1', '2'),
  uid: constantFrom('x', 'y'),
  site: constantFrom('hall', 'yard', undefined),
}).map(({ name, version, uid, site }) => camera(name, version, { uid, ...(site !== undefined && { site }) }));
const anyList = uniqueArray(anyCamera, { selector: keyOf });

test('after any series of lists the cache is the last one, and its index finds exactly what has the value', () => {
  always(
    property(array(anyList), (lists) => {
      const cache = new Cache<Camera>(({ site }) => site);
      for (const list of lists) {
        // The version is what tells a change: make it differ where the rest does.
        const versioned = list.map((one) => ({
          ...one,
          metadata: { ...one.metadata, resourceVersion: `${one.metadata.resourceVersion}${one.site}` },
        }));
        for (const change of changesOfList(cache.objects, versioned)) cache.accept(change);
        assert.deepEqual([...cache.objects.values()].toSorted(byKey), versioned.toSorted(byKey));
        for (const site of ['hall', 'yard'])
          assert.deepEqual(cache.indexed(site).toSorted(byKey), versioned.filter((one) => one.site === site).toSorted(byKey));
      }
    }),
  );
});

function byKey(one: Camera, other: Camera): number {
  return keyOf(one).localeCompare(keyOf(other));
}
