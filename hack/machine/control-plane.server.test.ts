import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { ControlPlane, withoutControlPlane } from './control-plane.ts';

const stream = (namespace: string): KubernetesObject & { spec: object } => ({
  apiVersion: 'footfall.dev/v1alpha1',
  kind: 'CameraStream',
  metadata: { name: 'door', namespace },
  spec: { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [{ name: 'entrance', from: { x: 500, y: 200 }, to: { x: 500, y: 600 } }] },
});

test(
  'a control plane keeps CameraStreams, outlives its API server, and leaves nothing behind',
  { skip: withoutControlPlane() },
  async () => {
    const plane = await ControlPlane.start();
    try {
      const namespace = await plane.makeNamespace();
      const made = await plane.api.create(resources.cameraStreams, stream(namespace));
      await plane.restartApiServer();
      const found = await plane.api.get<KubernetesObject>(resources.cameraStreams, { namespace, name: 'door' });
      assert.equal(found.metadata?.uid, made.metadata?.uid);
    } finally {
      await plane.stop();
    }
    assert.equal(existsSync(dirname(plane.kubeconfig)), false);
    await assert.rejects(fetch(plane.url), 'nothing listens there any more');
  },
);
