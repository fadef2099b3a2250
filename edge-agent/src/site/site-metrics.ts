/** What the agent knows, as metrics. */
import type { Level, Metrics } from '#proto/process/metrics.ts';
import type { CountsMessage } from '#proto/wire/protocol.ts';
import type { CameraState } from '../camera/camera-state.ts';
import type { Gap, NumberedUnit } from '../ring/recording.ts';
import type { Retained } from '../ring/retained.ts';
import type { Ring } from '../ring/ring.ts';
import type { LookupResult } from '../uplink/directory.ts';
import type { SiteView } from './view.ts';

/** Sent access units whose counts are awaited, for the latency; older ones are not measured. */
const MAX_AWAITED = 512;
const LATENCY_BUCKETS = [0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1, 2, 5, 15, 60];

export class SiteMetrics {
  readonly #metrics: ReturnType<typeof register>;
  readonly #nowSeconds: () => number;
  /** By number. */
  readonly #sentAt = new Map<number, number>();
  /** First access unit after the newest gap that was counted. */
  #gapNext = 0;

  constructor(metrics: Metrics, nowSeconds: () => number) {
    this.#metrics = register(metrics);
    this.#nowSeconds = nowSeconds;
  }

  showRetained({ restarts, recovered }: Retained): void {
    this.#metrics.restarts.set(restarts);
    this.#metrics.recovered.set(recovered.groups.reduce((sum, { units }) => sum + units.length, 0));
  }

  showCamera({ connected, units, bytes, connects }: Readonly<CameraState>, ring: Ring | undefined): void {
    this.#metrics.cameraUp.set(connected ? 1 : 0);
    this.#metrics.units.set(units);
    this.#metrics.bytes.set(bytes);
    this.#metrics.connects.set(connects);
    if (ring === undefined) return;
    this.#metrics.ringBytes.set(ring.bytes);
    this.#metrics.ringSeconds.set(ring.seconds);
    this.#metrics.evicted.set(ring.evictedUnits);
    this.#metrics.writeFaults.set(ring.faults.writes);
    this.#metrics.corruptFiles.set(ring.faults.corruptFiles);
  }

  countLookup(result: LookupResult): void {
    this.#metrics.lookups.add(1, { result });
  }

  countWelcome(): void {
    this.#sentAt.clear();
    this.#metrics.counterUp.set(1);
    this.#metrics.welcomes.add(1);
  }

  showSuspect(suspect: boolean): void {
    this.#metrics.counterSuspect.set(suspect ? 1 : 0);
  }

  showLost(): void {
    this.#metrics.counterUp.set(0);
    this.#metrics.counterSuspect.set(0);
  }

  countSent(unit: NumberedUnit): void {
    this.#metrics.sent.add(1);
    this.#metrics.sentBytes.add(unit.data.length);
    this.#sentAt.set(unit.number, this.#nowSeconds());
    if (this.#sentAt.size > MAX_AWAITED) this.#sentAt.delete(this.#sentAt.keys().next().value!);
  }

  /** A gap is declared again until a checkpoint includes it, and may have grown meanwhile. */
  countGap({ after, next, reason }: Gap): void {
    if (next <= this.#gapNext) return;
    this.#metrics.gaps.add(1, { reason });
    this.#metrics.lostUnits.add(next - Math.max(after + 1, this.#gapNext), { reason });
    this.#gapNext = next;
  }

  showCounts(counts: CountsMessage): void {
    const sentAt = this.#sentAt.get(counts.position);
    if (sentAt !== undefined) this.#metrics.latency.observe(this.#nowSeconds() - sentAt);
    for (const number of this.#sentAt.keys()) {
      if (number > counts.position) break;
      this.#sentAt.delete(number);
    }
    const { people, peopleCommitted } = this.#metrics;
    const shown = counts.provisional ? [people] : [people, peopleCommitted];
    for (const { name, ...line } of counts.lines) {
      for (const direction of ['in', 'out'] as const) for (const gauge of shown) gauge.set(line[direction], { line: name, direction });
    }
  }

  /** An edit of the resource may remove lines and zones. */
  showView(view: SiteView, before: SiteView): void {
    const { people, peopleCommitted, occupancy, provisional, doubtful, findings } = this.#metrics;
    provisional.set(view.provisional ? 1 : 0);
    doubtful.set(view.doubtfulSeconds);
    if (view.findings !== before.findings) showFindings(findings, view.findings, before.findings);
    for (const line of removedNames(before.lines, view.lines)) for (const gauge of [people, peopleCommitted]) void gauge.forget({ line });
    for (const zone of removedNames(before.zones, view.zones)) void occupancy.forget({ zone });
    for (const zone of view.zones) occupancy.set(zone.occupancy, { zone: zone.name });
  }
}

function showFindings(gauge: Level, now: SiteView['findings'], before: SiteView['findings']): void {
  for (const { type, reason } of before) {
    if (!now.some((finding) => finding.type === type && finding.reason === reason)) void gauge.forget({ type, reason });
  }
  for (const { type, reason } of now) gauge.set(1, { type, reason });
}

interface Named {
  readonly name: string;
}

function removedNames(before: readonly Named[], now: readonly Named[]): string[] {
  const names = new Set(now.map(({ name }) => name));
  return before.flatMap(({ name }) => (names.has(name) ? [] : [name]));
}

function register(metrics: Metrics) {
  return {
    units: metrics.gauge('agent_access_units', 'Access units read from the camera in this session.'),
    bytes: metrics.gauge('agent_access_unit_bytes', 'Bytes of video read from the camera since the process began.'),
    connects: metrics.gauge('agent_camera_connects', 'Times the camera was connected since the process began.'),
    cameraUp: metrics.gauge('agent_camera_up', '1 while the camera sends video.'),
    ringBytes: metrics.gauge('agent_ring_bytes', 'Video kept for replay.'),
    ringSeconds: metrics.gauge('agent_ring_seconds', 'Video kept for replay.'),
    evicted: metrics.gauge('agent_ring_evicted_access_units', 'Access units that left the ring because it was full.'),
    restarts: metrics.gauge('agent_session_restarts', 'Times the session went on in a new process.'),
    recovered: metrics.gauge('agent_ring_recovered_access_units', 'Access units that this process recovered from the one before it.'),
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
    doubtful: metrics.gauge('agent_doubtful_seconds', 'Video analysed while the picture could not be used.'),
    findings: metrics.gauge('agent_finding', '1 while something in the video makes the counts doubtful.', ['type', 'reason']),
    occupancy: metrics.gauge('agent_zone_occupancy', 'People in a zone now.', ['zone']),
  };
}
