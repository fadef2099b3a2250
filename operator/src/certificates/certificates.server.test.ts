/** The Secrets of the counters' certificate in a real API server. */
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
import { Certificates } from './reconcile.ts';
import type { Said } from '../runtime/recorder.ts';
import { lookAtCertificates, type StreamStateReporter } from './certificates.ts';

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

  /** A namespace with the two Secrets as the chart leaves them. */
  async function setting() {
    const namespace = await plane.makeNamespace();
    const options = { api: plane.api, namespace, tls: configOf({ tls: lifetimes }).tls };
    const make = (name: string) => plane.api.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
    await Promise.all([AUTHORITY_SECRET, SERVING].map(make));
    return {
      namespace,
      make,
      look: (seconds = 0): Promise<StreamStateReporter> => lookAtCertificates({ ...options, now: () => start + seconds * 1000 }, never),
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

  test("is made once, without the authority's key where counters look, and stays when somebody else looks after it", async () => {
    const { look, read, namespace } = await setting();
    const { authorities, trouble, renewed } = await look();
    assert.deepEqual([trouble, renewed], [undefined, 'Made anew: the authority of counters, their certificate.']);
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
    const again = await look(59);
    assert.deepEqual([again.authorities, again.renewed, await read(SERVING)], [authorities, undefined, serving]);
  });

  test('is renewed in time, and its authority with both trusted meanwhile', async () => {
    const { look, read } = await setting();
    await look();
    const first = await read(SERVING);
    assert.equal((await look(60)).renewed, 'Made anew: their certificate.');
    const second = await read(SERVING);
    assert.notEqual(second['tls.crt'], first['tls.crt']);
    assert.equal(second['ca.crt'], first['ca.crt']);
    await look(600);
    const both = await read(SERVING);
    assert.ok(both['ca.crt']!.endsWith(first['ca.crt']!) && both['ca.crt'] !== first['ca.crt']);
    assert.deepEqual(Object.keys(await read(AUTHORITY_SECRET)).toSorted(), ['previous.crt', 'previous.key', 'tls.crt', 'tls.key']);
    await look(901);
    assert.equal((await read(SERVING))['ca.crt'], both['ca.crt']!.replace(first['ca.crt']!, ''));
  });

  test('is not made twice by two that lead at once: one of them has to look again', async () => {
    const { look, read } = await setting();
    const looks = await Promise.allSettled([look(), look()]);
    for (const one of looks)
      assert.ok(one.status === 'fulfilled' || isConflict(one.reason), String(one.status === 'rejected' && one.reason));
    const { authorities } = await look();
    assert.deepEqual([(await read(SERVING))['ca.crt'], (await read(AUTHORITY_SECRET))['tls.crt']], [authorities, authorities]);
  });

  test('that is half written is made whole again', async () => {
    const { look, read, write } = await setting();
    const { authorities } = await look();
    await write(SERVING, { 'tls.crt': 'torn', 'ca.crt': '' });
    assert.equal((await look()).renewed, 'Made anew: their certificate.');
    assert.equal((await read(SERVING))['ca.crt'], authorities);
  });

  test('whose authority is half written or unknown stays as it is, and a sentence says what to do', async () => {
    const { look, read, write, clear, namespace } = await setting();
    await look();
    const serving = await read(SERVING);
    await write(AUTHORITY_SECRET, { 'tls.key': 'torn' });
    const { trouble, authorities } = await look(800);
    assert.deepEqual(
      [trouble, authorities],
      [`Secret ${namespace}/${AUTHORITY_SECRET} holds no authority with its key: empty its data to have new ones made.`, undefined],
    );
    assert.deepEqual(await read(SERVING), serving);
    await clear(AUTHORITY_SECRET);
    const mended = await look(800);
    assert.deepEqual([mended.trouble, mended.authorities === serving['ca.crt']], [undefined, false]);
  });

  test("that is somebody else's is not overwritten", async () => {
    const { look, read, write, namespace } = await setting();
    const foreign = { 'tls.crt': FOREIGN, 'tls.key': 'theirs' };
    await write(SERVING, foreign);
    assert.equal(
      (await look()).trouble,
      `Secret ${namespace}/${SERVING} holds a certificate that is not Footfall's: empty its data, or name another Secret in tls.secretName.`,
    );
    assert.deepEqual([await read(SERVING), await read(AUTHORITY_SECRET)], [foreign, {}]);
  });

  test('whose Secret is missing is named, in an Event and to every stream, until it is there again', async () => {
    const { remove, make, namespace } = await setting();
    await remove(AUTHORITY_SECRET);
    const told: string[] = [];
    let changes = 0;
    const recorder = { record: ({ reason, note }: Said) => void told.push(`${reason}: ${note}`) };
    const certificates = new Certificates({
      config: configOf({ namespace }),
      api: plane.api,
      recorder,
      log: createLog('test', 'silent'),
      onChange: () => (changes += 1),
    });
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'footfall-operator', uid: 'uid' };
    await certificates.reconcile(owner, never);
    await certificates.reconcile(owner, never);
    const missing = `Secret ${namespace}/${AUTHORITY_SECRET} is missing: helm upgrade makes it anew.`;
    assert.deepEqual(
      [certificates.trouble, certificates.authorities, told, changes],
      [missing, undefined, [`CertificateUnavailable: ${missing}`], 1],
    );
    await make(AUTHORITY_SECRET);
    await certificates.reconcile(owner, never);
    assert.deepEqual([certificates.trouble, told.length, changes], [undefined, 2, 2]);
    assert.match(certificates.authorities!, /BEGIN CERTIFICATE/);
  });
});

test('where somebody else makes the certificate, whom to trust is read from a file, and nothing is asked of the API server', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-given-'));
  context.after(() => rm(folder, { recursive: true }));
  const authoritiesFile = join(folder, 'ca.crt');
  const { tls } = configOf({ tls: { secretName: 'ours', authoritiesFile } });
  const look = () => lookAtCertificates({ tls, namespace: 'footfall-system', api: undefined as never, now: Date.now }, never);
  const missing = 'Secret footfall-system/ours holds no authority to trust: give it a ca.crt with whom agents are to trust.';
  assert.equal((await look()).trouble, missing);
  await writeFile(authoritiesFile, FOREIGN);
  assert.deepEqual([(await look()).authorities, (await look()).trouble], [FOREIGN, undefined]);
});
