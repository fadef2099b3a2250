/**
 * The whole state of one stream between two frames, and the steps that change it. The state is plain JSON: a checkpoint
 * holds it, and a counter that restores it continues with the same counts.
 *
 * Each step returns the next state and its outcome: what was seen and counted in it. Showing, storing and sending take
 * their data from these.
 */
import * as z from 'zod';
import type { CameraStreamSpec } from '#crds/schema.ts';
import { GapReason } from '#proto/wire/protocol.ts';
import { changeLayout, countStep, createCounter, counterStateSchema, type CrossingEvent, endTracks } from '../counting/counter.ts';
import type { Layout } from '../counting/layout.ts';
import type { Uncounted } from '../counting/uncounted.ts';
import type { Visit } from '../counting/zones.ts';
import type { Detection } from '../detection/detection.ts';
import { suppress } from '../detection/nms.ts';
import { planNextRegion, type RegionScope, regionStateSchema, resumeRegion, startRegion } from '../detection/region-planner.ts';
import { mostOverlapOf, scoreOf } from '../detection/views.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import type { FindingChange } from '../metrics.ts';
import type { UndecodableGroup, UnitSpan } from '../media/footage.ts';
import type { PictureMeasure } from '../picture/measure.ts';
import { NOTHING_SEEN, pictureStateSchema, pictureStep } from '../picture/picture.ts';
import type { Track } from '../tracking/track.ts';
import { createTracker, endAllTracks, openTracks, trackerSettings, trackerStateSchema, trackStep } from '../tracking/tracker.ts';
import { certaintyAfter, certaintySchema, NO_CERTAINTY } from './certainty.ts';
import { findingChanges, findingsAfter, findingsSchema } from './findings.ts';
import { NO_PACE, paceAfter, paceSchema } from './pace.ts';

const whole = z.int();
const natural = whole.min(0);
const gapReasonSchema = z.enum(Object.keys(GapReason) as [keyof typeof GapReason]);

const gapRecordSchema = z.object({ fromMicros: whole, toMicros: whole, reason: gapReasonSchema, accessUnits: natural });
export type GapRecord = Readonly<z.infer<typeof gapRecordSchema>>;

const takeoverSchema = z.object({
  /** Presentation time of this session up to which everything is counted; negative when that was before it began. */
  fromMicros: whole,
  reason: gapReasonSchema,
});
export type Takeover = Readonly<z.infer<typeof takeoverSchema>>;

export const analysisStateSchema = z.object({
  /** The highest access unit that is counted or declared a gap. */
  position: natural,
  /** The watermark: every frame up to here is counted. -1 before the first. */
  presentationMicros: whole,
  /** Access units up to the watermark, in presentation order. */
  frames: natural,
  observedMicros: z.number().min(0),
  /** Time analysed while the picture could not be used; absent in checkpoints of earlier releases. */
  doubtfulMicros: z.number().min(0).default(0),
  picture: pictureStateSchema.default(NOTHING_SEEN),
  findings: findingsSchema.default([]),
  /** Whether the watermark lies within the current footage: then the time from it to the next frame is observed. */
  continuous: z.boolean(),
  gaps: z.object({ count: natural, micros: z.number().min(0), last: gapRecordSchema.optional() }),
  /** Set after another session, until the first frame: the time between is a gap that ends with that frame. */
  takeover: takeoverSchema.optional(),
  /** Number of the first access unit after the newest recorded gap: a replayed gap is not recorded again. */
  gapNext: natural,
  /** Absent in checkpoints of earlier releases. */
  pace: paceSchema.default(NO_PACE),
  certainty: certaintySchema.default(NO_CERTAINTY),
  look: regionStateSchema,
  tracker: trackerStateSchema,
  counter: counterStateSchema,
});
export type AnalysisState = Readonly<z.infer<typeof analysisStateSchema>>;

export interface Frame {
  readonly presentationMicros: number;
  /** The access units after the last frame, up to this one. */
  readonly span: UnitSpan;
  readonly detections: readonly Detection[];
  /** What the pixels say of themselves; absent where there are none, and the picture is taken as usable. */
  readonly measure?: PictureMeasure;
}

export interface NumberedGap extends GapRecord {
  /** The number of gaps of the stream, including this one. */
  readonly number: number;
}

/** What was seen and counted in one step. */
export interface Outcome {
  /** All live tracks, with boxes in pixels of the source picture. */
  readonly tracks: readonly Track[];
  readonly crossings: readonly CrossingEvent[];
  /** Visits of zones that have ended. */
  readonly visits: readonly Visit[];
  /** Tracks that ended near a line and were not counted there, and why. */
  readonly uncounted: readonly Uncounted[];
  /** Findings that came, went, or have another reason. */
  readonly findings: readonly FindingChange[];
  /** The gap that this step has recorded. */
  readonly gap: NumberedGap | undefined;
}

export interface Step {
  readonly state: AnalysisState;
  readonly outcome: Outcome;
}

const NOTHING: Outcome = { tracks: [], crossings: [], visits: [], uncounted: [], findings: [], gap: undefined };

/** The lines, zones and region of the spec, with the current picture size and model input. */
export type View = Layout & RegionScope;

/** Starts without a checkpoint, with the totals that were committed before. */
export function startAnalysis(view: View, counts: CommittedCounts | undefined, position: number): AnalysisState {
  const gaps = counts?.gaps;
  return {
    position,
    presentationMicros: -1,
    frames: 0,
    observedMicros: (counts?.observedSeconds ?? 0) * 1e6,
    doubtfulMicros: (counts?.doubtfulSeconds ?? 0) * 1e6,
    picture: NOTHING_SEEN,
    findings: [],
    continuous: false,
    gaps: { count: gaps?.count ?? 0, micros: (gaps?.seconds ?? 0) * 1e6 },
    gapNext: 0,
    pace: NO_PACE,
    certainty: NO_CERTAINTY,
    look: startRegion(view, 0),
    tracker: createTracker(),
    counter: createCounter(view, counts),
  };
}

/** Continues a fresh state after another session: frames that the other session has counted are not counted again. */
export function takeOver(fresh: AnalysisState, from: Takeover): AnalysisState {
  return { ...fresh, takeover: from, presentationMicros: Math.max(fresh.presentationMicros, from.fromMicros) };
}

/** Applies an edit of the spec, or another picture size. Tracks and totals continue. */
export function changeView(state: AnalysisState, view: View): AnalysisState {
  return {
    ...state,
    look: resumeRegion(state.look, view, state.presentationMicros),
    counter: changeLayout(state.counter, view),
  };
}

/** @throws RangeError for a frame that is counted already: the people on it would be counted twice. */
export function analyse(state: AnalysisState, frame: Frame, detection: CameraStreamSpec['detection'], view: View): Step {
  if (frame.presentationMicros <= state.presentationMicros) {
    throw new RangeError(`The frame at ${frame.presentationMicros} us is not after the watermark, ${state.presentationMicros} us.`);
  }
  const time = frame.presentationMicros / 1e6;
  const frames = state.frames + frame.span.units;
  const detections = suppress(frame.detections, mostOverlapOf(detection));
  const tracked = trackStep(state.tracker, detections, time, trackerSettings(scoreOf(detection)));
  const moment = { time: Math.round(time * 1000) / 1000, frame: frames };
  const { state: counter, ...counted } = countStep(state.counter, tracked.tracks, tracked.ended, moment);
  const moved = advance(state, frame.span, frame.presentationMicros);
  const next = {
    ...moved.state,
    continuous: true,
    pace: paceAfter(state.pace, moved.state.observedMicros - state.observedMicros),
    certainty: certaintyAfter(state.certainty, detections, frame.presentationMicros, detection),
    look: planNextRegion(state.look, view, detections, frame.presentationMicros),
    ...judgePicture(state, moved.state, frame, detection),
    tracker: tracked.state,
    counter,
  };
  const findings = findingsAfter(state.findings, next, { view, detection });
  return {
    state: { ...next, findings },
    outcome: { ...moved.outcome, ...counted, tracks: tracked.tracks, findings: findingChanges(state.findings, findings) },
  };
}

/** Time under a suspicion is taken out of the observed time until it is decided. */
function judgePicture(
  before: AnalysisState,
  moved: AnalysisState,
  { measure, detections }: Frame,
  detection: CameraStreamSpec['detection'],
) {
  if (measure === undefined) return {};
  const { picture, observedMicros, doubtfulMicros } = pictureStep(before.picture, {
    micros: moved.presentationMicros,
    elapsedMicros: moved.observedMicros - before.observedMicros,
    measure,
    people: detections.some(({ score }) => score >= scoreOf(detection)),
  });
  return {
    picture,
    observedMicros: before.observedMicros + observedMicros,
    doubtfulMicros: before.doubtfulMicros + doubtfulMicros,
  };
}

/** Moves the watermark over access units without a picked frame. */
export function advance(state: AnalysisState, span: UnitSpan, presentationMicros: number): Step {
  const { takeover: open } = state;
  const declared = open ? declare(state, { ...open, toMicros: presentationMicros, accessUnits: 0 }) : undefined;
  return {
    state: {
      ...(declared?.state ?? state),
      position: Math.max(state.position, span.position),
      presentationMicros,
      frames: state.frames + span.units,
      observedMicros: state.observedMicros + (state.continuous ? presentationMicros - state.presentationMicros : 0),
    },
    outcome: { ...NOTHING, gap: declared?.gap },
  };
}

/**
 * Records a gap. A person cannot be followed over it, so all tracks end. The watermark moves to its end, so that a later
 * gap does not declare the same time again.
 *
 * @param next number of the first access unit after the gap.
 */
export function interrupt(state: AnalysisState, gap: GapRecord, next: number, view: View): Step {
  // After the gap the picture may have another size: sizes of people that were learned in the old one do not apply.
  const seen = changeView(state, view);
  // A replayed gap is recorded already, and only changes the picture.
  if (next <= state.gapNext) return { state: seen, outcome: NOTHING };
  const declared = declare(withoutSuspicion(seen), { ...gap, ...state.takeover });
  // What ends is judged in the picture in which it was seen.
  const { state: counter, ...lost } = endTracks(state.counter, openTracks(state.tracker));
  return {
    state: {
      ...declared.state,
      continuous: false,
      gapNext: next,
      position: Math.max(state.position, next - 1),
      presentationMicros: Math.max(state.presentationMicros, gap.toMicros - 1),
      tracker: endAllTracks(state.tracker),
      counter: changeLayout(counter, view),
    },
    outcome: { ...NOTHING, ...lost, gap: declared.gap },
  };
}

/** A suspicion cannot be pursued over a gap. */
function withoutSuspicion(state: AnalysisState): AnalysisState {
  return { ...finish(state), picture: NOTHING_SEEN };
}

/** Nothing follows that could confirm a suspicion: its time was observed, as far as is known. */
export function finish(state: AnalysisState): AnalysisState {
  const { picture, observedMicros } = state;
  return { ...state, picture: { ...picture, undecidedMicros: 0 }, observedMicros: observedMicros + picture.undecidedMicros };
}

/** Records video that kills every decoder as a gap, so that no later counter decodes it again. The first frame after it is counted. */
export function giveUp(state: AnalysisState, { units: accessUnits, next, toMicros, ended }: UndecodableGroup, view: View): Step {
  const fromMicros = Math.max(0, state.presentationMicros);
  const moved = { ...state, presentationMicros: ended ? toMicros : toMicros - 1 };
  return interrupt(moved, { fromMicros, toMicros, reason: 'UNDECODABLE_VIDEO', accessUnits }, next, view);
}

/** Adds the gap to the totals; it replaces the open gap of a takeover. */
function declare(state: AnalysisState, gap: GapRecord): { state: AnalysisState; gap: NumberedGap } {
  const last = { ...gap, toMicros: Math.max(gap.fromMicros, gap.toMicros) };
  const gaps = { count: state.gaps.count + 1, micros: state.gaps.micros + last.toMicros - last.fromMicros, last };
  const { takeover: _, ...rest } = state;
  return { state: { ...rest, gaps }, gap: { ...last, number: gaps.count } };
}
