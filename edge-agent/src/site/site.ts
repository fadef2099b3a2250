/**
 * What the agent knows, for the people at the site: the camera, the counter, and the newest counts.
 * `/counts` shows it as JSON, and as server-sent events as soon as anything in it changes.
 */
import type { ServerResponse } from 'node:http';
import { SUSPECT_SECONDS } from '#proto/wire/heartbeat.ts';
import type { Metrics } from '#proto/process/metrics.ts';
import type { Route } from '#proto/process/http-server.ts';
import type { CountsMessage, StreamName } from '#proto/wire/protocol.ts';
import type { CameraState } from '../camera/camera-state.ts';
import type { Gap, NumberedUnit } from '../ring/recording.ts';
import type { Retained } from '../ring/retained.ts';
import type { Ring } from '../ring/ring.ts';
import type { LookupResult } from '../uplink/directory.ts';
import type { Outcome } from '../uplink/exchange.ts';

/** Sent access units whose counts are still awaited, for the latency; older ones are not measured. */
const MAX_AWAITED = 512;
/** A reader of `/counts` that has not taken this much is cut: it would otherwise fill the memory. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** Of `/counts` as events: two megabytes unread, all of them together. */
const MAX_READERS = 32;
const FAREWELL_MS = 1000;
const LATENCY_BUCKETS = [0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1, 2, 5, 15, 60];

export interface SiteView {
  readonly stream: string;
  readonly in: number;
  readonly out: number;
  readonly inside: number;
  readonly lines: readonly { name: string; in: number; out: number }[];
  readonly zones: readonly { name: string; occupancy: number }[];
  /** Access units seen, in presentation order. */
  readonly frames: number;
  /** Presentation time of the newest counted frame, in seconds. */
  readonly seconds: number;
  /** True while these counts are newer than what the ledger holds. */
  readonly provisional: boolean;
  /** The newest counts of which it is known that the ledger holds them; absent before there were any. */
  readonly committed?: { readonly position: number; readonly in: number; readonly out: number };
  readonly gaps: { readonly count: number; readonly seconds: number };
  readonly camera: { readonly connected: boolean; readonly reason?: string; readonly sentence?: string };
  readonly counter: {
    readonly connected: boolean;
    readonly address: string;
    readonly term: number;
    /** Connected, but it has said nothing for some seconds. */
    readonly suspect: boolean;
    readonly sentence?: string;
  };
  readonly finished: boolean;
}

export class Site {
  readonly #metrics: ReturnType<typeof siteMetrics>;
  readonly #readers = new Set<ServerResponse>();
  readonly #awaited = new Map<number, number>();
  readonly #nowSeconds: () => number;
  /** First access unit after the newest gap that was counted. */
  #gapNext = 0;
  #view: SiteView;

  constructor(stream: StreamName, metrics: Metrics, nowSeconds: () => number) {
    this.#metrics = siteMetrics(metrics);
    this.#nowSeconds = nowSeconds;
    this.#view = {
      stream: `${stream.namespace}/${stream.name}`,
      in: 0,
      out: 0,
      inside: 0,
      lines: [],
      zones: [],
      frames: 0,
      seconds: 0,
      provisional: false,
      finished: false,
      gaps: { count: 0, seconds: 0 },
      camera: { connected: false },
      counter: { connected: false, address: '', term: 0, suspect: false },
    };
  }

  /** What an earlier process of this session left. */
  retained({ restarts, recovered }: Retained): void {
    this.#metrics.restarts.set(restarts);
    this.#metrics.recovered.set(recovered.groups.reduce((sum, { units }) => sum + units.length, 0));
  }

  /** A sentence on what is missing, or nothing while video goes up and counts come down. */
  unready(): string | undefined {
    const { camera, counter, finished } = this.#view;
    if (finished) return undefined;
    if (!camera.connected) return camera.sentence ?? 'The camera is not connected yet.';
    if (!counter.connected) return counter.sentence ?? 'No counter serves the stream yet.';
    if (counter.suspect) return `The counter at ${counter.address} has said nothing for ${SUSPECT_SECONDS} s.`;
    return undefined;
  }

  camera(state: Readonly<CameraState>, ring?: Ring): void {
    this.#metrics.units.set(state.units);
    this.#metrics.bytes.set(state.bytes);
    this.#metrics.connects.set(state.connects);
    if (ring) {
      this.#metrics.ringBytes.set(ring.bytes);
      this.#metrics.ringSeconds.set(ring.seconds);
      this.#metrics.evicted.set(ring.evictedUnits);
      this.#metrics.writeFaults.set(ring.faults.writes);
      this.#metrics.corruptFiles.set(ring.faults.corruptFiles);
    }
    const { connected, fault } = state;
    if (connected === this.#view.camera.connected && fault?.sentence === this.#view.camera.sentence) return;
    this.#metrics.cameraUp.set(connected ? 1 : 0);
    this.#show({ camera: { connected, ...(fault && { reason: fault.reason, sentence: fault.sentence }) } });
  }

  /** The names of the counters were looked up in vain. */
  foundNobody(sentence: string): void {
    this.#show({ counter: { ...this.#view.counter, connected: false, address: '', sentence } });
  }

  lookedUp(result: LookupResult): void {
    this.#metrics.lookups.add(1, { result });
  }

  dialing(address: string): void {
    this.#show({ counter: { ...this.#view.counter, connected: false, address } });
  }

  welcomed(address: string, term: number): void {
    this.#awaited.clear();
    this.#metrics.counterUp.set(1);
    this.#metrics.welcomes.add(1);
    this.#show({ counter: { connected: true, address, term, suspect: false } });
  }

  /** The counter has said nothing for a while, or speaks again. */
  suspect(suspect: boolean): void {
    this.#metrics.counterSuspect.set(suspect ? 1 : 0);
    this.#show({ counter: { ...this.#view.counter, suspect } });
  }

  lost(outcome: Outcome): void {
    this.#metrics.counterUp.set(0);
    this.#metrics.counterSuspect.set(0);
    const sentence = 'sentence' in outcome ? outcome.sentence : 'finished';
    this.#show({ counter: { ...this.#view.counter, connected: false, suspect: false, sentence } });
  }

  sent(unit: NumberedUnit): void {
    this.#metrics.sent.add(1);
    this.#metrics.sentBytes.add(unit.data.length);
    this.#awaited.set(unit.number, this.#nowSeconds());
    if (this.#awaited.size > MAX_AWAITED) this.#awaited.delete(this.#awaited.keys().next().value!);
  }

  /** Declared again until a checkpoint knows of it; it may have grown meanwhile. */
  gap({ after, next, reason }: Gap): void {
    if (next <= this.#gapNext) return;
    this.#metrics.gaps.add(1, { reason });
    this.#metrics.lostUnits.add(next - Math.max(after + 1, this.#gapNext), { reason });
    this.#gapNext = next;
  }

  counted(counts: CountsMessage): void {
    const sentAt = this.#awaited.get(counts.position);
    if (sentAt !== undefined) this.#metrics.latency.observe(this.#nowSeconds() - sentAt);
    for (const number of this.#awaited.keys()) {
      if (number > counts.position) break;
      this.#awaited.delete(number);
    }
    const { people, peopleCommitted } = this.#metrics;
    const shown = counts.provisional ? [people] : [people, peopleCommitted];
    for (const { name, ...line } of counts.lines) {
      for (const direction of ['in', 'out'] as const) for (const gauge of shown) gauge.set(line[direction], { line: name, direction });
    }
    this.#metrics.provisional.set(counts.provisional ? 1 : 0);
    // An edit of the resource may have taken lines and zones away.
    for (const line of goneFrom(this.#view.lines, counts.lines)) for (const gauge of [people, peopleCommitted]) void gauge.forget({ line });
    for (const zone of goneFrom(this.#view.zones, counts.zones)) void this.#metrics.occupancy.forget({ zone });
    this.#show({
      in: counts.in,
      out: counts.out,
      inside: counts.inside,
      lines: counts.lines,
      zones: counts.zones,
      frames: counts.frames,
      seconds: counts.presentationMicros / 1e6,
      provisional: counts.provisional,
      ...(!counts.provisional && { committed: { position: counts.committedPosition, in: counts.in, out: counts.out } }),
      gaps: { count: counts.gaps, seconds: counts.gapMicros / 1e6 },
    });
  }

  finished(): void {
    this.#metrics.provisional.set(0);
    this.#show({ finished: true, provisional: false });
  }

  /** Says goodbye to the readers; resolves when they have everything, or have been given up on. */
  async close(): Promise<void> {
    const farewells = [...this.#readers].map(
      (reader) =>
        new Promise<void>((resolve) => {
          reader.once('close', resolve);
          reader.setTimeout(FAREWELL_MS, () => reader.destroy());
          reader.end();
        }),
    );
    await Promise.all(farewells);
  }

  get route(): Route {
    return (request, response) => {
      if (request.headers.accept?.includes('text/event-stream') !== true) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(this.#view)}\n`);
        return;
      }
      if (this.#readers.size >= MAX_READERS) {
        response
          .writeHead(503, { 'content-type': 'text/plain; charset=utf-8' })
          .end(`${MAX_READERS} readers follow the counts already; ask for them without text/event-stream\n`);
        return;
      }
      // Nothing may change for as long as it likes.
      response.setTimeout(0);
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(eventOf(this.#view));
      this.#readers.add(response);
      response.on('close', () => this.#readers.delete(response));
    };
  }

  #show(change: Partial<SiteView>): void {
    const view = { ...this.#view, ...change };
    // What nobody looks at is not occupied.
    const zones = view.camera.connected ? view.zones : view.zones.map(({ name }) => ({ name, occupancy: 0 }));
    for (const { name, occupancy } of zones) this.#metrics.occupancy.set(occupancy, { zone: name });
    this.#view = { ...view, zones };
    const event = this.#readers.size > 0 ? eventOf(this.#view) : '';
    for (const reader of this.#readers) {
      if (reader.writableLength > MAX_UNREAD_BYTES) reader.destroy();
      else reader.write(event);
    }
  }
}

interface Named {
  readonly name: string;
}

function goneFrom(before: readonly Named[], now: readonly Named[]): string[] {
  const names = new Set(now.map(({ name }) => name));
  return before.flatMap(({ name }) => (names.has(name) ? [] : [name]));
}

function eventOf(view: SiteView): string {
  return `data: ${JSON.stringify(view)}\n\n`;
}

function siteMetrics(metrics: Metrics) {
  return {
    units: metrics.gauge('agent_access_units', 'Access units read from the camera in this session.'),
    bytes: metrics.gauge('agent_access_unit_bytes', 'Bytes of video read from the camera since the process began.'),
    connects: metrics.gauge('agent_camera_connects', 'Times the camera was connected since the process began.'),
    cameraUp: metrics.gauge('agent_camera_up', '1 while the camera sends video.'),
    ringBytes: metrics.gauge('agent_ring_bytes', 'Video kept for replay.'),
    ringSeconds: metrics.gauge('agent_ring_seconds', 'Video kept for replay.'),
    evicted: metrics.gauge('agent_ring_evicted_access_units', 'Access units that left the ring because it was full.'),
    restarts: metrics.gauge('agent_session_restarts', 'Times the session went on in a new process.'),
    recovered: metrics.gauge('agent_ring_recovered_access_units', 'Access units that this process took up from the one before it.'),
    writeFaults: metrics.gauge(
      'agent_ring_write_faults',
      'Writes to the folder of the ring that failed at first, or for good, since the process began.',
    ),
    corruptFiles: metrics.gauge(
      'agent_ring_corrupt_files',
      'Files of the ring and checkpoints that were not as they had been written, since the process began.',
    ),
    sent: metrics.counter('agent_sent_access_units_total', 'Access units sent to counters, replays included.'),
    sentBytes: metrics.counter('agent_sent_bytes_total', 'Bytes of video sent to counters, replays included.'),
    counterUp: metrics.gauge('agent_counter_up', '1 while a counter serves the stream.'),
    counterSuspect: metrics.gauge('agent_counter_suspect', '1 while the counter that serves the stream has said nothing for some seconds.'),
    lookups: metrics.counter('agent_counter_lookups_total', 'Times a name of the counters was looked up.', ['result']),
    welcomes: metrics.counter('agent_welcomes_total', 'Times a counter took the stream.'),
    gaps: metrics.counter('agent_gaps_total', 'Gaps declared to the counter.', ['reason']),
    lostUnits: metrics.counter('agent_gap_access_units_total', 'Access units lost in declared gaps.', ['reason']),
    latency: metrics.histogram('agent_latency_seconds', 'From sending an access unit to having its counts at the site.', LATENCY_BUCKETS),
    people: metrics.gauge('agent_people', 'People counted since the stream was created, those that are not committed yet among them.', [
      'line',
      'direction',
    ]),
    peopleCommitted: metrics.gauge(
      'agent_people_committed',
      'People counted since the stream was created, as the ledger is known to hold them.',
      ['line', 'direction'],
    ),
    provisional: metrics.gauge('agent_counts_provisional', '1 while the counts are newer than what the ledger holds.'),
    occupancy: metrics.gauge('agent_zone_occupancy', 'People in a zone now.', ['zone']),
  };
}
