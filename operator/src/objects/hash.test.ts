import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers } from './covers.ts';
import { desiredAgent } from '../streams/desired.ts';
import { configOf, streamOf } from '../fixtures/objects.ts';
import { isAsDesired, withDesiredHash } from './hash.ts';

const desired = desiredAgent(streamOf({ nodeSelector: { arch: 'arm' } }), configOf()).deployment;

test('fields that the server filled in do not matter', () => {
  const actual = { ...withDesiredHash(desired), spec: { ...desired.spec, progressDeadlineSeconds: 600 }, status: { replicas: 1 } };
  assert.equal(isAsDesired(actual, desired), true);
});

test('a field that another client changed is noticed', () => {
  assert.equal(isAsDesired({ ...withDesiredHash(desired), spec: { ...desired.spec, replicas: 5 } } as typeof desired, desired), false);
});

test('a desired state with one field less is noticed, though the object has all of its fields', () => {
  const less = desiredAgent(streamOf(), configOf()).deployment;
  assert.equal(covers(withDesiredHash(desired).spec!.template.spec!.nodeSelector, less.spec!.template.spec!.nodeSelector), true);
  assert.equal(isAsDesired(withDesiredHash(desired), less), false);
});

test('quantities are compared by value, not by spelling', () => {
  assert.equal(covers({ cpu: '500m', memory: '1Gi', big: '2M' }, { cpu: '0.5', memory: '1024Mi', big: '2000k' }), true);
  assert.equal(covers({ cpu: '500m' }, { cpu: '0.6' }), false);
  assert.equal(covers('a', 'b'), false);
});

test('a list has the desired items and no others, unless its items have keys: then other clients may add items', () => {
  assert.equal(covers([{ name: 'theirs' }, { name: 'ours', value: 1, more: 2 }], [{ name: 'ours', value: 1 }]), true);
  assert.equal(covers([{ name: 'theirs' }], [{ name: 'ours' }]), false);
  assert.equal(covers([1, 2], [1]), false);
  assert.equal(covers([{ a: 1 }, { a: 2 }], [{ a: 1 }]), false);
  assert.equal(covers([{ a: 1, b: 2 }], [{ a: 1 }]), true);
});
