import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from './client.ts';

test('a kubeconfig that is not there is one clear sentence', () => {
  assert.throws(
    () => connect({ kubeconfig: '/nowhere/kubeconfig', userAgent: 'client-test' }),
    /^Error: The kubeconfig cannot be read: .*\/nowhere\/kubeconfig.*\.$/,
  );
});
