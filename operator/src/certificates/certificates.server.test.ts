/** The Secrets of the counters' certificate, on a real API server. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isConflict, type KubernetesObject, resources, type V1Secret } from '#crds/cluster/api.ts';
import { createLog } from '#proto/process/log.ts';
import { ControlPlane, withoutControlPlane } from '../../../hack/machine/control-plane.ts';
import { FOREIGN } from '../fixtures/foreign.ts';
import { configOf } from '../fixtures/objects.ts';
import { AUTHORITY_SECRET } from '../objects/labels.ts';
import type { NewEvent } from '../runtime/recorder.ts';
import { type CertificateState, reconcileCertificates } from './certificates.ts';
import { certificateController } from './reconcile.ts';

const { secrets } = resources;
const SERVING = 'footfall-counter-tls';
const lifetimes = { certificateSeconds: 90, authoritySeconds: 900, overlapSeconds: 100 };
const start = Date.UTC(2026, 0, 1);
const never = new AbortController().signal;

suite("the counters' certificate in a cluster", { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());

  /** A namespace with the two Secrets as the chart creates them. */
  async function prepare() {
    const namespace = await plane.makeNamespace();
    const options = { api: plane.api, namespace, tls: configOf({ tls: lifetimes }).tls };
    const create = (name: string) => plane.api.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
    await Promise.all([AUTHORITY_SECRET, SERVING].map(create));
    return {
      namespace,
      create,
      reconcile: (seconds = 0): Promise<CertificateState> =>
        reconcileCertificates({ ...options, now: () => start + seconds * 1000 }, never),
      read: async (name: string) => {
        const { data = {} } = await plane.api.get<V1Secret>(secrets, { namespace, name });
        return Object.fromEntries(Object.entries(data).map(([file, text]) => [file, Buffer.from(text, 'base64').toString()]));
      },
      write: (name: string, files: Record<string, string>) =>
        plane.api.merge<KubernetesObject>(
          secrets,
          { namespace, name },
          { data: Object.fromEntries(Object.entries(files).map(([file, text]) => [file, Buffer.from(text).toString('base64')])) },
        ),
      clear: (name: string) => plane.api.merge<KubernetesObject>(secrets, { namespace, name }, { data: null }),
      remove: (name: string) => plane.api.delete(secrets, { namespace, name }),
    };
  }

  test("is issued once, without the authority's key where counters mount it, and stays when it is reconciled again", async () => {
    const { reconcile, read, namespace } = await prepare();
    const { authorities, trouble, renewed } = await reconcile();
    assert.deepEqual([trouble, renewed], [undefined, "Renewed: the counters' certificate authority, the counters' certificate."]);
    const [serving, authority] = [await read(SERVING), await read(AUTHORITY_SECRET)];
    assert.deepEqual(
      [Object.keys(serving).toSorted(), Object.keys(authority).toSorted()],
      [
        ['ca.crt', 'tls.crt', 'tls.key'],
        ['tls.crt', 'tls.key'],
      ],
    );
    assert.deepEqual([serving['ca.crt'], authority['tls.crt']], [authorities, authorities]);
    assert.ok(new X509Certificate(serving['tls.crt']!).checkHost(`footfall-counter.${namespace}.svc`));
    const again = await reconcile(59);
    assert.deepEqual([again.authorities, again.renewed, await read(SERVING)], [authorities, undefined, serving]);
  });

  test('is renewed in time, as is its authority, with both authorities trusted meanwhile', async () => {
    const { reconcile, read } = await prepare();
    await reconcile();
    const first = await read(SERVING);
    assert.equal((await reconcile(60)).renewed, "Renewed: the counters' certificate.");
    const second = await read(SERVING);
    assert.notEqual(second['tls.crt'], first['tls.crt']);
    assert.equal(second['ca.crt'], first['ca.crt']);
    await reconcile(600);
    const both = await read(SERVING);
    assert.ok(both['ca.crt']!.endsWith(first['ca.crt']!) && both['ca.crt'] !== first['ca.crt']);
    assert.deepEqual(Object.keys(await read(AUTHORITY_SECRET)).toSorted(), ['previous.crt', 'previous.key', 'tls.crt', 'tls.key']);
    await reconcile(901);
    assert.equal((await read(SERVING))['ca.crt'], both['ca.crt']!.replace(first['ca.crt']!, ''));
  });

  test('is not issued twice by two leaders: one of them has a conflict', async () => {
    const { reconcile, read } = await prepare();
    const passes = await Promise.allSettled([reconcile(), reconcile()]);
    for (const one of passes)
      assert.ok(one.status === 'fulfilled' || isConflict(one.reason), String(one.status === 'rejected' && one.reason));
    const { authorities } = await reconcile();
    assert.deepEqual([(await read(SERVING))['ca.crt'], (await read(AUTHORITY_SECRET))['tls.crt']], [authorities, authorities]);
  });

  test('is issued again when it is half written', async () => {
    const { reconcile, read, write } = await prepare();
    const { authorities } = await reconcile();
    await write(SERVING, { 'tls.crt': 'torn', 'ca.crt': '' });
    assert.equal((await reconcile()).renewed, "Renewed: the counters' certificate.");
    assert.equal((await read(SERVING))['ca.crt'], authorities);
  });

  test('stays as it is when its authority is half written, and a sentence says what to do', async () => {
    const { reconcile, read, write, clear, namespace } = await prepare();
    await reconcile();
    const serving = await read(SERVING);
    await write(AUTHORITY_SECRET, { 'tls.key': 'torn' });
    const { trouble, authorities } = await reconcile(800);
    const fault = 'holds no certificate authority with its private key: clear its data to have new ones issued.';
    assert.deepEqual([trouble, authorities], [`Secret ${namespace}/${AUTHORITY_SECRET} ${fault}`, undefined]);
    assert.deepEqual(await read(SERVING), serving);
    await clear(AUTHORITY_SECRET);
    const repaired = await reconcile(800);
    assert.deepEqual([repaired.trouble, repaired.authorities === serving['ca.crt']], [undefined, false]);
  });

  test('is not overwritten when another authority issued it', async () => {
    const { reconcile, read, write, namespace } = await prepare();
    const foreign = { 'tls.crt': FOREIGN, 'tls.key': 'theirs' };
    await write(SERVING, foreign);
    const fault = 'holds a certificate that Footfall did not issue: clear its data, or name another Secret in tls.secretName.';
    assert.equal((await reconcile()).trouble, `Secret ${namespace}/${SERVING} ${fault}`);
    assert.deepEqual([await read(SERVING), await read(AUTHORITY_SECRET)], [foreign, {}]);
  });

  test('has a missing Secret reported, in an Event and to all streams, until the Secret exists', async () => {
    const { remove, create, namespace } = await prepare();
    await remove(AUTHORITY_SECRET);
    const events: string[] = [];
    let changes = 0;
    const recorder = { record: ({ reason, note }: NewEvent) => void events.push(`${reason}: ${note}`) };
    const controller = certificateController({
      config: configOf({ namespace }),
      api: plane.api,
      recorder,
      owner: async () => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'footfall-operator', uid: 'uid' }),
      log: createLog('test', 'silent'),
      onChange: () => (changes += 1),
    });
    const [key] = controller.allKeys();
    await controller.reconcile(key!, never);
    await controller.reconcile(key!, never);
    const missing = `Secret ${namespace}/${AUTHORITY_SECRET} is missing: run helm upgrade to create it again.`;
    assert.deepEqual(
      [controller.state(), events, changes],
      [{ authorities: undefined, trouble: missing }, [`CertificateUnavailable: ${missing}`], 1],
    );
    await create(AUTHORITY_SECRET);
    await controller.reconcile(key!, never);
    assert.deepEqual([controller.state().trouble, events.length, changes], [undefined, 2, 2]);
    assert.match(controller.state().authorities!, /BEGIN CERTIFICATE/);
  });
});

test('the authorities of a certificate that Footfall does not issue are read from a file, not from a Secret', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-given-'));
  context.after(() => rm(folder, { recursive: true }));
  const authoritiesFile = join(folder, 'ca.crt');
  const { tls } = configOf({ tls: { secretName: 'ours', authoritiesFile } });
  const reconcile = () => reconcileCertificates({ tls, namespace: 'footfall-system', api: undefined as never, now: Date.now }, never);
  const missing =
    "Secret footfall-system/ours holds no certificate authority's certificate: " +
    'add a ca.crt with the certificates of the authorities that agents must trust.';
  assert.equal((await reconcile()).trouble, missing);
  await writeFile(authoritiesFile, FOREIGN);
  assert.deepEqual([(await reconcile()).authorities, (await reconcile()).trouble], [FOREIGN, undefined]);
});
