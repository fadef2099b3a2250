/** The page at the site, over real HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createMetrics } from '#proto/process/metrics.ts';
import { serveHttp } from '#proto/process/http-server.ts';
import { until } from '../../../hack/machine/until.ts';
import { CameraFault } from '../camera/faults.ts';
import { Site } from './site.ts';
import type { SiteView } from './view.ts';

const counted = {
  position: 40,
  presentationMicros: 4_000_000,
  in: 3,
  out: 1,
  inside: 2,
  frames: 41,
  gaps: 1,
  gapMicros: 2_500_000,
  doubtfulMicros: 0,
  findings: [],
  lines: [{ name: 'entrance', in: 3, out: 1 }],
  zones: [{ name: 'queue', occupancy: 2 }],
  committedPosition: 30,
  provisional: true,
  term: 1,
};

const camera = { connected: true, units: 1, bytes: 1, connects: 1, fault: undefined };

async function serve(
  context: TestContext,
): Promise<{ site: Site; open: (path: string, accept?: string, localAddress?: string) => Promise<IncomingMessage> }> {
  const metrics = createMetrics();
  const site = new Site({ namespace: 'default', name: 'door', uid: 'u' }, metrics, () => performance.now() / 1000);
  const http = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    metrics,
    unready: () => site.unready(),
    routes: { '/counts': site.route },
  });
  context.after(async () => {
    await site.close();
    await http.stop();
  });
  const open = async (path: string, accept = '*/*', localAddress = '127.0.0.1') => {
    const [response] = (await once(get({ port: http.port, host: '127.0.0.1', path, headers: { accept }, localAddress }), 'response')) as [
      IncomingMessage,
    ];
    return response;
  };
  return { site, open };
}

async function text(response: IncomingMessage): Promise<string> {
  return (await response.setEncoding('utf8').toArray()).join('');
}

test('/counts shows the newest counts, and whether the ledger has them', async (context) => {
  const { site, open } = await serve(context);
  site.showCamera(camera);
  site.showCounts(counted);
  const view = JSON.parse(await text(await open('/counts'))) as SiteView;
  assert.deepEqual([view.in, view.out, view.inside, view.seconds, view.provisional], [3, 1, 2, 4, true]);
  assert.deepEqual(view.gaps, { count: 1, seconds: 2.5 });
  assert.deepEqual(view.zones, [{ name: 'queue', occupancy: 2 }]);
});

test('/counts and /metrics distinguish committed counts from provisional ones', async (context) => {
  const { site, open } = await serve(context);
  site.showCounts(counted);
  const people = /footfall_agent_people_committed\{line="entrance",direction="in"\} (\d)/;
  const look = async () => {
    const [view, page] = [JSON.parse(await text(await open('/counts'))) as SiteView, await text(await open('/metrics'))];
    return [view.committed, people.exec(page)?.[1], /^footfall_agent_counts_provisional (\d)/m.exec(page)?.[1]];
  };
  assert.deepEqual(await look(), [undefined, undefined, '1'], 'the ledger is not known yet');
  site.showCounts({ ...counted, committedPosition: 40, provisional: false });
  assert.deepEqual(await look(), [{ position: 40, in: 3, out: 1 }, '3', '0']);
  site.showCounts({ ...counted, position: 44, in: 4, lines: [{ name: 'entrance', in: 4, out: 1 }], committedPosition: 40 });
  assert.deepEqual(await look(), [{ position: 40, in: 3, out: 1 }, '3', '1']);
  assert.match(await text(await open('/metrics')), /footfall_agent_people\{line="entrance",direction="in"\} 4/);
});

test('/counts as server-sent events: first the newest view, then every change, then the end', async (context) => {
  const { site, open } = await serve(context);
  const response = await open('/counts', 'text/event-stream');
  const events = response.setEncoding('utf8')[Symbol.asyncIterator]();
  const next = async () => JSON.parse(((await events.next()).value as string).replace('data: ', '')) as SiteView;
  assert.equal((await next()).in, 0);
  site.showCounts(counted);
  assert.equal((await next()).in, 3);
  site.showFinished();
  assert.equal((await next()).finished, true);
  await site.close();
  assert.equal((await events.next()).done, true);
});

test('/counts serves events to 32 readers; one more is refused with the alternative, and served when another has gone', async (context) => {
  const { site, open } = await serve(context);
  const readers: IncomingMessage[] = [];
  for (let i = 0; i < 32; i += 1) readers.push(await open('/counts', 'text/event-stream', `127.0.0.${2 + (i % 4)}`));
  const refused = await open('/counts', 'text/event-stream');
  assert.equal(refused.statusCode, 503);
  assert.equal(await text(refused), '32 readers follow the counts already; ask for them without text/event-stream\n');
  assert.equal((await open('/counts')).statusCode, 200);
  readers[0]!.destroy();
  await until(async () => (await open('/counts', 'text/event-stream')).statusCode === 200);
  site.showCounts(counted);
});

test('/readyz names what is missing until video goes up and counts come down', async (context) => {
  const { site, open } = await serve(context);
  assert.equal((await open('/readyz')).statusCode, 503);
  site.showCamera(camera);
  assert.match(await text(await open('/readyz')), /No counter serves the stream yet/);
  site.showWelcome('10.0.0.1:50051', 1);
  assert.equal((await open('/readyz')).statusCode, 200);
  site.showSuspect(true);
  assert.equal(await text(await open('/readyz')), 'The counter at 10.0.0.1:50051 has said nothing for 3 s.\n');
  assert.match(await text(await open('/metrics')), /^footfall_agent_counter_suspect 1/m);
  site.showSuspect(false);
  assert.equal((await open('/readyz')).statusCode, 200);
  site.showLost({ kind: 'refused', reason: 'FULL', sentence: 'The counter serves 8 streams already.' });
  assert.match(await text(await open('/readyz')), /serves 8 streams already/);
});

test('/metrics has people by line and direction, and the latency of the counts', async (context) => {
  const { site, open } = await serve(context);
  site.showCamera(camera);
  site.countSent({ number: 40, presentationMicros: 0, keyframe: true, data: new Uint8Array(10) });
  site.showCounts(counted);
  const page = await text(await open('/metrics'));
  assert.match(page, /footfall_agent_people\{line="entrance",direction="in"\} 3/);
  assert.match(page, /footfall_agent_zone_occupancy\{zone="queue"\} 2/);
  assert.match(page, /footfall_agent_latency_seconds_count 1/);
  assert.match(page, /footfall_agent_sent_bytes_total 10/);
});

test('/metrics counts a gap once, however often it is declared, and its growth', async (context) => {
  const { site, open } = await serve(context);
  const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 640, height: 360, decodeDelay: 0 };
  const gap = { after: 0, next: 11, fromMicros: 0, toMicros: 1_000_000, reason: 'RING_FULL', codec } as const;
  for (const declared of [gap, gap, { ...gap, next: 16 }, { ...gap, after: 20, next: 21, reason: 'CAMERA_LOST' } as const, gap])
    site.countGap(declared);
  const page = await text(await open('/metrics'));
  assert.match(page, /footfall_agent_gaps_total\{reason="RING_FULL"\} 2/);
  assert.match(page, /footfall_agent_gap_access_units_total\{reason="RING_FULL"\} 15/);
  assert.match(page, /footfall_agent_gaps_total\{reason="CAMERA_LOST"\} 1/);
  assert.match(page, /footfall_agent_gap_access_units_total\{reason="CAMERA_LOST"\} 0/);
});

test('/metrics forgets lines and zones that an edit of the resource removed', async (context) => {
  const { site, open } = await serve(context);
  site.showCamera(camera);
  site.showCounts({
    ...counted,
    provisional: false,
    lines: [...counted.lines, { name: 'side door', in: 1, out: 0 }],
    zones: [...counted.zones, { name: 'bench', occupancy: 1 }],
  });
  assert.match(await text(await open('/metrics')), /line="side door",direction="in"} 1[^]*zone="bench"} 1/);
  site.showCounts(counted);
  const page = await text(await open('/metrics'));
  assert.doesNotMatch(page, /side door|bench/);
  assert.match(page, /footfall_agent_people\{line="entrance",direction="out"\} 1/);
  assert.match(page, /footfall_agent_zone_occupancy\{zone="queue"\} 2/);
});

test('a zone reports 0 while the camera is not observed', async (context) => {
  const { site, open } = await serve(context);
  const occupancy = async () => (JSON.parse(await text(await open('/counts'))) as SiteView).zones[0]?.occupancy;
  site.showCamera(camera);
  site.showCounts(counted);
  assert.equal(await occupancy(), 2);
  site.showCamera({ ...camera, connected: false, fault: new CameraFault('CameraLost', 'The camera hung up.') });
  // Counts that were under way when the camera was lost.
  site.showCounts({ ...counted, position: 41 });
  assert.equal(await occupancy(), 0);
  assert.match(await text(await open('/metrics')), /footfall_agent_zone_occupancy\{zone="queue"\} 0/);
});

test('while the names of the counters stand for no address, /counts says so, and /metrics counts the lookups', async (context) => {
  const { site, open } = await serve(context);
  site.countLookup('nothing');
  site.showNoCounter('No counter answers at pool.svc:7443: the name stands for no address.');
  const { counter } = JSON.parse(await text(await open('/counts'))) as SiteView;
  assert.deepEqual(counter, {
    connected: false,
    address: '',
    term: 0,
    suspect: false,
    sentence: 'No counter answers at pool.svc:7443: the name stands for no address.',
  });
  assert.match(await text(await open('/metrics')), /footfall_agent_counter_lookups_total\{result="nothing"\} 1/);
});

test('a malformed path is not found', async (context) => {
  const { open } = await serve(context);
  assert.equal((await open('//')).statusCode, 404);
});

test('the answer for an unknown path lists the pages', async (context) => {
  const { open } = await serve(context);
  const response = await open('/count');
  assert.equal(response.statusCode, 404);
  assert.match(await text(response), /\/counts/);
});
