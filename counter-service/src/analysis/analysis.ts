/**
 * What is known of one stream between two frames, and how a frame changes it. The state is plain JSON: a checkpoint
 * holds it, and whoever restores it goes on with the same counts.
 */
import type { CameraStreamSpec } from '#crds/schema.ts';
import type { GapReason } from '#proto/wire/protocol.ts';
import {
  changeLayout,
  type CounterState,
  countStep,
  createCounter,
  type CrossingEvent,
  loseSight,
  totalsOf,
  zoneCounts,
} from '../counting/counter.ts';
import type { Layout } from '../counting/layout.ts';
import type { Detection } from '../detection/detection.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import { look, type RegionScope, type RegionState, resumeRegion, startRegion } from '../detection/region-planner.ts';
import type { Passed } from '../media/footage.ts';
import { inOneWord } from '../ledger/stream-state.ts';
import { createTracker, endAllTracks, type TrackerState, trackerSettings, trackStep } from '../tracking/tracker.ts';

export interface GapRecord {
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly reason: keyof typeof GapReason;
  readonly accessUnits: number;
}

export interface Takeover {
  /** Presentation time of this session up to which everything is counted; negative when that was before it began. */
  readonly fromMicros: number;
  readonly reason: GapRecord['reason'];
}

export interface AnalysisState {
  readonly version: 1;
  /** Highest access unit that is counted. */
  readonly position: number;
  /** The frontier: every frame up to here is counted. -1 before the first. */
  readonly presentationMicros: number;
  /** Access units up to the frontier, in presentation order. */
  readonly frames: number;
  readonly observedMicros: number;
  /** Whether the frontier lies in the footage that goes on: the time from it to the next frame is observed. */
  readonly continuous: boolean;
  readonly gaps: { readonly count: number; readonly micros: number; readonly last?: GapRecord };
  /** Somebody else counted before, and nothing has been seen since: what lies between is a gap that ends with the first frame. */
  readonly takeover?: Takeover | undefined;
  /** Number of the first access unit after the newest recorded gap: a replayed gap is not recorded again. */
  readonly gapNext: number;
  readonly look: RegionState;
  readonly tracker: TrackerState;
  readonly counter: CounterState;
  /** Crossings that no commit has carried yet. */
  readonly uncommitted: readonly CrossingEvent[];
}

export interface Frame {
  readonly presentationMicros: number;
  /** Access units that the frontier passes with this frame. */
  readonly passed: Passed;
  readonly detections: readonly Detection[];
}

/** What the spec asks for, in the picture and for the model at hand. */
export type View = Layout & RegionScope;

/** Nothing is known but what an earlier session committed. */
export function startAnalysis(view: View, counts: CommittedCounts | undefined, position: number): AnalysisState {
  const gaps = counts?.gaps;
  return {
    version: 1,
    position,
    presentationMicros: -1,
    frames: 0,
    observedMicros: (counts?.observedSeconds ?? 0) * 1e6,
    continuous: false,
    gaps: { count: gaps?.count ?? 0, micros: (gaps?.seconds ?? 0) * 1e6 },
    gapNext: 0,
    look: startRegion(view, 0),
    tracker: createTracker(),
    counter: createCounter(view, counts),
    uncommitted: [],
  };
}

/** As `startAnalysis`, after somebody else: what they have counted of this session's time is not counted again. */
export function takeOver(fresh: AnalysisState, takeover: Takeover): AnalysisState {
  return { ...fresh, takeover, presentationMicros: Math.max(fresh.presentationMicros, takeover.fromMicros) };
}

/** The state of a checkpoint under the spec as it is now. */
export function resumeAnalysis(state: AnalysisState, view: View, committed: CommittedCounts | undefined): AnalysisState {
  // The checkpoint was stored before its commit, which may have come about or not: the totals say how many crossings are new.
  const fresh = state.counter.in + state.counter.out - (committed ? committed.in + committed.out : 0);
  return { ...changeView(state, view), uncommitted: fresh > 0 ? state.uncommitted.slice(-fresh) : [] };
}

/** After an edit of the spec, or in a picture of another size. Tracks go on, and so do all totals. */
export function changeView(state: AnalysisState, view: View): AnalysisState {
  return {
    ...state,
    look: resumeRegion(state.look, view, state.presentationMicros),
    counter: changeLayout(state.counter, view),
  };
}

export function analyse(state: AnalysisState, frame: Frame, detection: CameraStreamSpec['detection'], view: View): AnalysisState {
  const time = frame.presentationMicros / 1e6;
  const frames = state.frames + frame.passed.units;
  const tracked = trackStep(state.tracker, frame.detections, time, trackerSettings(detection.scorePermille / 1000));
  const counted = countStep(state.counter, tracked.tracks, { time: Math.round(time * 1000) / 1000, frame: frames });
  return {
    ...advance(state, frame.passed, frame.presentationMicros),
    continuous: true,
    look: look(state.look, view, frame.detections, frame.presentationMicros),
    tracker: tracked.state,
    counter: counted.state,
    uncommitted: counted.events.length > 0 ? [...state.uncommitted, ...counted.events] : state.uncommitted,
  };
}

/** Moves the frontier over access units of which no frame was looked at. */
export function advance(state: AnalysisState, passed: Passed, presentationMicros: number): AnalysisState {
  return {
    ...(state.takeover ? declared(state, { ...state.takeover, toMicros: presentationMicros, accessUnits: 0 }) : state),
    position: Math.max(state.position, passed.position),
    presentationMicros,
    frames: state.frames + passed.units,
    observedMicros: state.observedMicros + (state.continuous ? presentationMicros - state.presentationMicros : 0),
  };
}

/**
 * Nobody can be followed over time that was not seen: open tracks end, the gap is recorded, and the frontier is where it
 * ended, so that whoever loses what comes next, too, does not declare its time twice.
 */
export function interrupt(state: AnalysisState, gap: GapRecord, next: number, view: View): AnalysisState {
  // A replayed one is recorded already; the picture may have been another before it.
  if (next <= state.gapNext) return changeView(state, view);
  // Another resolution is another picture: what was learned of people's sizes in the old one is worth nothing.
  const seen = changeView(state, view);
  return {
    ...declared(seen, { ...gap, ...state.takeover }),
    continuous: false,
    gapNext: next,
    position: Math.max(state.position, next - 1),
    presentationMicros: Math.max(state.presentationMicros, gap.toMicros - 1),
    tracker: endAllTracks(state.tracker),
    counter: loseSight(seen.counter),
  };
}

/** With the gap, which takes the place of what the takeover has left open. */
function declared(state: AnalysisState, gap: GapRecord): AnalysisState {
  const last = { ...gap, toMicros: Math.max(gap.fromMicros, gap.toMicros) };
  const { count, micros } = state.gaps;
  return { ...state, takeover: undefined, gaps: { count: count + 1, micros: micros + last.toMicros - last.fromMicros, last } };
}

/** What the ledger is to hold. */
export function committedCounts(state: AnalysisState, session: string, sessionStartMicros: number): CommittedCounts {
  const at = (micros: number) => new Date((sessionStartMicros + micros) / 1000).toISOString();
  const { last } = state.gaps;
  const { lines, ...totals } = totalsOf(state.counter);
  return {
    session,
    position: state.position,
    // Until something is seen, no time has passed since the others counted.
    time: at(state.takeover?.fromMicros ?? Math.max(0, state.presentationMicros)),
    ...totals,
    lines: [...lines],
    zones: zoneCounts(state.counter),
    observedSeconds: Math.floor(state.observedMicros / 1e6),
    gaps: {
      count: state.gaps.count,
      seconds: Math.round(state.gaps.micros / 1e6),
      ...(last && {
        last: { from: at(last.fromMicros), to: at(last.toMicros), reason: inOneWord(last.reason), accessUnits: last.accessUnits },
      }),
    },
  };
}
