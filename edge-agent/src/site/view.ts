/** What people at the site see at `/counts`: plain data, and how it changes. */
import { SUSPECT_SECONDS } from '#proto/wire/heartbeat.ts';
import type { CountsMessage, StreamName } from '#proto/wire/protocol.ts';

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
  /** The newest counts that the ledger is known to hold; absent before there were any. */
  readonly committed?: { readonly position: number; readonly in: number; readonly out: number };
  readonly gaps: { readonly count: number; readonly seconds: number };
  /** How much was analysed while the picture could not be used. */
  readonly doubtfulSeconds: number;
  /** What makes the counts doubtful now, at most one of each type. */
  readonly findings: readonly { type: string; reason: string; message: string; sinceSeconds: number }[];
  readonly camera: { readonly connected: boolean; readonly reason?: string; readonly sentence?: string };
  readonly counter: {
    readonly connected: boolean;
    readonly address: string;
    readonly term: number;
    /** Connected, but silent for some seconds. */
    readonly suspect: boolean;
    readonly sentence?: string;
  };
  readonly finished: boolean;
}

export function emptyView({ namespace, name }: StreamName): SiteView {
  return {
    stream: `${namespace}/${name}`,
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
    doubtfulSeconds: 0,
    findings: [],
    camera: { connected: false },
    counter: { connected: false, address: '', term: 0, suspect: false },
  };
}

export function changeView(view: SiteView, change: Partial<SiteView>): SiteView {
  const changed = { ...view, ...change };
  // Zones report 0 while the camera is not observed.
  const zones = changed.camera.connected ? changed.zones : changed.zones.map((zone) => ({ ...zone, occupancy: 0 }));
  return { ...changed, zones };
}

export function viewOfCounts(counts: CountsMessage): Partial<SiteView> {
  return {
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
    doubtfulSeconds: counts.doubtfulMicros / 1e6,
    findings: counts.findings.map(({ sinceMicros, ...finding }) => ({ ...finding, sinceSeconds: sinceMicros / 1e6 })),
  };
}

/** A sentence on what is missing, or nothing while video goes up and counts come down. */
export function missing({ camera, counter, finished }: SiteView): string | undefined {
  if (finished) return undefined;
  if (!camera.connected) return camera.sentence ?? 'The camera is not connected yet.';
  if (!counter.connected) return counter.sentence ?? 'No counter serves the stream yet.';
  if (counter.suspect) return `The counter at ${counter.address} has said nothing for ${SUSPECT_SECONDS} s.`;
  return undefined;
}
