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
  ['a version that is in the cache', known(camera('a', '2')), 'ADDED', camera('a', '2'), []],
  ['a deletion', known(camera('a')), 'DELETED', camera('a', '3'), ['a@3 deleted']],
  ['a deletion of an unknown object', known(), 'DELETED', camera('a', '3'), []],
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

test('a list leads to deletions, additions and changes, and to nothing for objects that are the same', () => {
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

test('after any series of lists the cache equals the last one, and its index finds exactly the objects with the value', () => {
  always(
    property(array(anyList), (lists) => {
      const cache = new Cache<Camera>(({ site }) => site);
      for (const list of lists) {
        // A change is recognized by the version: it has to differ where the rest differs.
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
