import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { CameraNetworks } from '#crds/networks.ts';
import { clusterNetworks, isListedName, objectionToAddress, objectionToName } from './networks.ts';

const anywhere = { allowed: [], cluster: ['10.96.0.0/16', '10.244.0.0/16', 'fd00:10:96::/112'] };
const listed = { allowed: ['10.96.0.0/16', '192.168.7.0/24', 'gate.example', '*.cameras.example'], cluster: anywhere.cluster };

suite('no list allows', () => {
  const never = [
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '169.254.169.254',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '168.63.129.16',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::169.254.169.254',
    '2002:7f00:1::1',
  ];
  for (const address of never) {
    test(address, () => {
      assert.match(objectionToAddress(address, { allowed: ['0.0.0.0/0', '::/0'], cluster: [] }) ?? '', /no camera is read at/);
      assert.match(objectionToAddress(address, listed, true) ?? '', /no camera is read at/);
    });
  }
});

test("without a list every network is allowed, except the cluster's own", () => {
  for (const address of ['10.0.0.8', '192.168.1.64', '172.16.3.4', '203.0.113.9', 'fd12::8', '2001:db8::1'])
    assert.equal(objectionToAddress(address, anywhere), undefined, address);
  for (const address of ['10.96.0.1', '10.244.3.7', '::ffff:10.96.0.10', 'fd00:10:96::a'])
    assert.match(objectionToAddress(address, anywhere) ?? '', /address of the cluster/);
});

test('with a list only what is listed is allowed, in the cluster too', () => {
  assert.equal(objectionToAddress('10.96.4.4', listed), undefined);
  assert.equal(objectionToAddress('192.168.7.9', listed), undefined);
  assert.match(objectionToAddress('192.168.8.9', listed) ?? '', /in none of cameraNetworks/);
  assert.equal(objectionToAddress('192.168.8.9', listed, true), undefined, 'looked up by a listed name');
});

test('a wide network in the list does not allow the cluster: that takes a network within it, or a name', () => {
  const cluster = clusterNetworks(['10.96.0.0/16', 'fd00:10:96::/112'], '10.96.0.1');
  const refusal = (address: string, allowed: string[], byName = false) => objectionToAddress(address, { allowed, cluster }, byName);
  const wide = ['10.0.0.0/8', 'fd00::/8'];
  assert.equal(refusal('10.20.0.8', wide), undefined, 'a camera');
  assert.equal(
    refusal('10.96.7.7', wide),
    "10.96.7.7 is an address of the cluster, which is refused unless cameraNetworks lists the host's name or a network within 10.96.0.0/16",
  );
  for (const address of ['10.96.0.1', '::ffff:10.96.7.7', 'fd00:10:96::a'])
    assert.match(refusal(address, wide) ?? '', /address of the cluster/, address);
  assert.equal(refusal('10.96.7.7', wide, true), undefined, 'looked up by a listed name');
  assert.equal(refusal('10.96.7.7', [...wide, '10.96.7.0/24']), undefined);
  assert.match(refusal('10.96.0.10', ['10.96.0.0/16']) ?? '', /a network within 10\.96\.0\.1\/24/, 'the API server has its Service there');
  assert.equal(refusal('10.96.0.10', ['10.96.0.10/32']), undefined);
});

test('the list holds whole names, or domains', () => {
  assert.deepEqual(
    ['gate.example', 'GATE.example.', 'a.b.cameras.example', 'cameras.example', 'gate.example.net'].map((host) =>
      isListedName(host, listed),
    ),
    [true, true, true, false, false],
  );
});

test('names of the cluster are refused before they are looked up, unless they are listed', () => {
  assert.match(objectionToName('footfall-counter.footfall.svc', anywhere) ?? '', /names of the cluster/);
  assert.match(objectionToName('x.default.svc.cluster.local.', anywhere) ?? '', /names of the cluster/);
  assert.equal(objectionToName('svc.example', anywhere), undefined);
  assert.equal(objectionToName('x.cams.svc', { ...anywhere, allowed: ['*.cams.svc'] }), undefined);
});

test("the API server's address reveals one network of the cluster", () => {
  assert.deepEqual(clusterNetworks(['10.0.0.0/8'], '10.43.0.1'), ['10.0.0.0/8', '10.43.0.1/24']);
  assert.deepEqual(clusterNetworks([], undefined), []);
  assert.match(objectionToAddress('10.43.0.10', { allowed: [], cluster: clusterNetworks([], '10.43.0.1') }) ?? '', /of the cluster/);
});

test('the list takes networks and names only', () => {
  const takes = (entry: string) => CameraNetworks.safeParse({ allowed: [entry] }).success;
  for (const entry of ['10.0.0.0/33', '10.0.0.8', 'a b', 'rtsp://x', '*', '']) assert.equal(takes(entry), false, entry);
  for (const entry of ['10.0.0.0/8', 'fd00::/8', 'door', '*.cameras.example', 'camera.cameras.svc'])
    assert.equal(takes(entry), true, entry);
});

test('an address of IPv4 is recognised in every spelling', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const groups = address.split('.').map(Number) as [number, number, number, number];
      const hex = `${(groups[0] * 256 + groups[1]).toString(16)}:${(groups[2] * 256 + groups[3]).toString(16)}`;
      const plain = objectionToAddress(address, anywhere);
      for (const written of [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`])
        assert.equal(objectionToAddress(written, anywhere), plain, written);
    }),
  );
});
