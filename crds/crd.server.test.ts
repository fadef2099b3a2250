/** The schema on a real API server. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ControlPlane, withoutControlPlane } from '../hack/machine/control-plane.ts';
import { ApiFault, type KubernetesObject, type Resource, resources } from './cluster/api.ts';
import { customResourceDefinition } from './crd.ts';
import { parseDocuments } from './documents.ts';
import { brokenFence, type Fenced } from './fence.ts';
import { cameraStream } from './kinds.ts';
import { parseCameraStreams } from './load.ts';
import type { CameraStream, CountsStatus } from './schema.ts';
import type { Structural } from './structural.ts';

const definitions: Resource = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
};
type Definition = KubernetesObject &
  Pick<ReturnType<typeof customResourceDefinition>, 'spec'> & {
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[] };
  };

const folder = join(import.meta.dirname, 'samples');
const samples = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

suite('on a real API server', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());

  /** Creates a document in a namespace of its own. Returns the stored object, or the refusal. */
  async function submit(document: unknown): Promise<CameraStream | ApiFault> {
    const { metadata, ...rest } = document as KubernetesObject;
    const object = { ...rest, metadata: { ...metadata, namespace: await plane.makeNamespace() } };
    return plane.api.create<KubernetesObject>(resources.cameraStreams, object).catch((error: ApiFault) => error) as Promise<
      CameraStream | ApiFault
    >;
  }

  for (const file of samples.filter((name) => name.startsWith('valid-'))) {
    test(`${file} is accepted, with the defaults of local mode`, async () => {
      const text = readFileSync(join(folder, file), 'utf8');
      const { streams } = parseCameraStreams(text, file);
      const documents = parseDocuments(text);
      assert.equal(streams.length, documents.length);
      for (const [index, { value }] of documents.entries()) {
        const stored = await submit(value);
        assert.ok(!(stored instanceof ApiFault), JSON.stringify(stored));
        assert.deepEqual(stored.spec, streams[index]?.stream.spec);
      }
    });
  }

  for (const file of samples.filter((name) => name.startsWith('invalid-'))) {
    test(`${file} is refused, as in local mode`, async () => {
      const text = readFileSync(join(folder, file), 'utf8');
      assert.equal(parseCameraStreams(text, file).streams.length, 0);
      const [document] = parseDocuments(text);
      const refusal = await submit(document?.value);
      assert.ok(refusal instanceof ApiFault && [400, 422].includes(refusal.code), JSON.stringify(refusal));
      assert.doesNotMatch(refusal.message, /correct-horse/, 'and no password is repeated');
    });
  }

  const counts: CountsStatus = {
    term: 5,
    session: 'one',
    position: 50,
    time: '2026-01-01T00:00:00Z',
    in: 500,
    out: 500,
    inside: 0,
    lines: [],
    zones: [],
    observedSeconds: 10,
    gaps: { count: 0, seconds: 0 },
    delivered: { crossings: 5, gaps: 0 },
  };
  const steps = [-1, 0, 1];
  const totals: readonly Fenced[] = steps.flatMap((term) =>
    steps.flatMap((position) =>
      steps.flatMap((into) =>
        steps.map((out) => ({
          ...counts,
          term: counts.term + term,
          position: counts.position + position,
          in: counts.in + into,
          out: counts.out + out,
        })),
      ),
    ),
  );
  const cursors = [
    undefined,
    { crossings: 4, gaps: 0 },
    { crossings: 6, gaps: 0 },
    { crossings: 1_001, gaps: 0 },
    { crossings: 5, gaps: 1 },
  ];
  const transitions: readonly Fenced[] = [...totals, ...cursors.map((delivered) => ({ ...counts, delivered }))];

  test('the API server accepts the same ledger entries as a ledger in a file, and refuses the others with the same sentence', async () => {
    const namespace = await plane.makeNamespace();
    const spec = {
      source: { url: 'rtsp://10.0.0.8/stream2' },
      lines: [{ name: 'entrance', from: { x: 500, y: 200 }, to: { x: 500, y: 600 } }],
    };
    const commit = (name: string, entry: CountsStatus) =>
      plane.api.apply(
        resources.cameraStreams,
        {
          apiVersion: resources.cameraStreams.apiVersion,
          kind: resources.cameraStreams.kind,
          metadata: { namespace, name },
          status: { counts: entry },
        } as KubernetesObject,
        { fieldManager: 'footfall-counter', subresource: 'status' },
      );
    const seen = new Set<string | undefined>();
    for (const [index, next] of transitions.entries()) {
      const name = `door-${index}`;
      const { apiVersion, kind } = resources.cameraStreams;
      await plane.api.create(resources.cameraStreams, { apiVersion, kind, metadata: { namespace, name }, spec } as KubernetesObject);
      await commit(name, counts);
      const broken = brokenFence(next, counts);
      seen.add(broken);
      const answer = await commit(name, next as CountsStatus).catch((error: ApiFault) => error);
      if (broken === undefined) assert.ok(!(answer instanceof ApiFault), `${JSON.stringify(next)} must be let through`);
      else
        assert.ok(
          answer instanceof ApiFault && answer.code === 422 && answer.message.includes(broken),
          `${JSON.stringify(next)} must be refused: ${broken}`,
        );
    }
    assert.equal(seen.size, 6, 'every rule was the first to say no once');
  });

  test('counts cannot be removed, for any counts could follow them', async () => {
    const namespace = await plane.makeNamespace();
    const { apiVersion, kind } = resources.cameraStreams;
    const object = { apiVersion, kind, metadata: { namespace, name: 'door' } };
    const apply = (status: object) =>
      plane.api.apply(resources.cameraStreams, { ...object, status } as KubernetesObject, {
        fieldManager: 'footfall-counter',
        subresource: 'status',
      });
    const spec = {
      source: { url: 'rtsp://10.0.0.8/stream2' },
      lines: [{ name: 'entrance', from: { x: 500, y: 200 }, to: { x: 500, y: 600 } }],
    };
    await plane.api.create(resources.cameraStreams, { ...object, spec } as KubernetesObject);
    await apply({ counts });
    await assert.rejects(apply({ stream: { state: 'Counting', counter: 'a', since: '2026-01-01T00:00:00Z' } }), /must keep its counts/);
  });

  test('the API server accepts the definition without a warning', async () => {
    const { status } = await definition();
    const complaints = status.conditions.filter(({ type, status: holds }) =>
      ['Established', 'NamesAccepted'].includes(type) ? holds !== 'True' : holds === 'True',
    );
    assert.deepEqual(complaints, []);
  });

  test('kubectl shows the columns', async () => {
    const { spec } = await definition();
    const shown = (wide: boolean) =>
      spec.versions[0]?.additionalPrinterColumns.filter(({ priority = 0 }) => priority > 0 === wide).map(({ name }) => name);
    assert.deepEqual(
      [shown(false), shown(true)],
      [
        ['In', 'Out', 'Inside', 'Ready', 'Age'],
        ['Node', 'FPS', 'Counter', 'Reason'],
      ],
    );
    assert.deepEqual(spec.names.shortNames, ['counts', 'cs']);
  });

  test('kubectl explain shows a sentence for every field', async () => {
    const { spec } = await definition();
    const { properties } = spec.versions[0]!.schema.openAPIV3Schema;
    const mute = [...fieldsOf('spec', properties.spec), ...fieldsOf('status', properties.status)].filter(
      ([, schema]) => !/^[A-Z].*\.$/.test(String(schema.description)),
    );
    assert.deepEqual(
      mute.map(([path]) => path),
      [],
    );
  });

  function definition(): Promise<Definition> {
    return plane.api.get<Definition>(definitions, { name: customResourceDefinition(cameraStream).metadata.name });
  }
});

/** Every field with its path; the items of a list or mapping are not fields of their own. */
function* fieldsOf(path: string, schema: Structural): Generator<[string, Structural]> {
  if (!/[\]}]$/.test(path)) yield [path, schema];
  if (schema.items !== undefined) yield* fieldsOf(`${path}[]`, schema.items as Structural);
  if (schema.additionalProperties !== undefined) yield* fieldsOf(`${path}{}`, schema.additionalProperties as Structural);
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* fieldsOf(`${path}.${name}`, property as Structural);
}
