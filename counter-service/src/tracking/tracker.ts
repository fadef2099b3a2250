/**
 * Follows people from frame to frame: one step a frame, a function of the state before and the frame's detections.
 *
 * A track's life:
 *
 *   detection --> new --seen in 3 frames--> confirmed <--seen / not seen--> lost --2 s--> ended
 *                  |
 *                  +--not seen for 0.5 s--> ended
 *
 * These times are for pictures that come faster. Of slow pictures one may miss a person whom the next one shows, and two are
 * all that a person is seen in: so the times stretch with the interval of the pictures, and two sightings confirm.
 *
 * Invariants: the state is plain JSON and comes back from it bit by bit, so that a tracker restored from a checkpoint
 * continues exactly as the old one would have; ids rise from 1 and are never reused, not even after `endAllTracks`;
 * there are at most `mostTracks` tracks, in rising order of id.
 */
import * as z from 'zod';
import type { Detection } from '../detection/detection.ts';
import type { Candidate, Scores } from './association.ts';
import { associate, missedOnce, missedTwice } from './association.ts';
import { containment } from './box.ts';
import { boxOf, correctMotion, motionSchema, predictMotion, startMotion } from './motion.ts';
import type { Track } from './track.ts';

// Far above what a person counter's picture holds; the cubic cost of the assignment stays at a few milliseconds.
const mostTracks = 200;

const trackStateSchema = z.object({
  id: z.int().min(0),
  motion: motionSchema,
  /** In how many frames it was seen. */
  sightings: z.int().min(0),
  /** Presentation times of the last detection of any score, and of the last one with a high score, in seconds. */
  seenAt: z.number(),
  sureAt: z.number(),
});

export const trackerStateSchema = z.object({
  nextId: z.int().min(0),
  /** Presentation time of the last frame, in seconds. */
  time: z.number(),
  tracks: z.array(trackStateSchema).max(mostTracks).readonly(),
  /** Detections and new tracks left out because there were too many. */
  dropped: z.int().min(0),
});

export type TrackState = Readonly<z.infer<typeof trackStateSchema>>;
export type TrackerState = Readonly<z.infer<typeof trackerStateSchema>>;

export type TrackerSettings = Scores;

const confirmingSightings = 3;
const confirmingSightingsOfSlow = 2;
/** At about two pictures a second and fewer, a third sighting is often too late. */
const slowSeconds = 0.45;
/** A longer pause says nothing of how fast pictures come. Nobody can be followed over it either. */
const mostIntervalSeconds = 1.5;
const newTrackSeconds = 0.5;
const lostTrackSeconds = 2;

const mostDetections = 200;

/** A detection that lies so far within another one, or around it, is taken for a part of that person, or for a pair: it begins no track. */
const mostContainment = 0.75;

/** The place of a weak detection is this many times less certain than that of a sure one. */
const weakDoubt = 1.5;

/**
 * The settings for a detector whose sure detections score at least `highScore`. As in ByteTrack, weak detections are of
 * use down to half of it, and a new track needs a little more, if there is that much left below 1.
 */
export function trackerSettings(highScore: number): TrackerSettings {
  return { highScore, lowScore: highScore / 2, newTrackScore: Math.min(highScore + 0.075, (1 + highScore) / 2) };
}

export function createTracker(): TrackerState {
  return { nextId: 1, time: 0, tracks: [], dropped: 0 };
}

/** Ends every track, at a gap in the video: what happened in the gap is unknown. */
export function endAllTracks(state: TrackerState): TrackerState {
  return { ...state, tracks: [] };
}

export interface TrackResult {
  readonly state: TrackerState;
  /** Every live track, new and lost ones too, in rising order of id. */
  readonly tracks: Track[];
  /** The tracks that this frame ended, because they had no detection for too long. */
  readonly ended: Track[];
}

/** One frame. `time` is its presentation time in seconds; a time before the last frame's ends all tracks first. */
export function trackStep(before: TrackerState, detections: readonly Detection[], time: number, settings: TrackerSettings): TrackResult {
  const state = time < before.time ? endAllTracks(before) : before;
  const interval = Math.min(time - state.time, mostIntervalSeconds);
  const lostSeconds = Math.max(lostTrackSeconds, missedTwice * interval);
  const newSeconds = Math.max(newTrackSeconds, missedOnce * interval);
  const live = state.tracks.filter((track) => time - track.seenAt <= (isConfirmed(track, interval) ? lostSeconds : newSeconds));
  const expected = live.map((track) => predictTrack(track, time, { previousTime: state.time, interval }));
  const usable = strongest(detections.filter(isUsable));
  const found = associate(expected, usable, settings, interval);
  const continued = expected.map((candidate) => {
    const detection = found.get(candidate);
    return detection === undefined
      ? candidate.track
      : withSighting(candidate.track, detection, { time, sure: detection.score >= settings.highScore });
  });
  const newcomers = newcomersOf(usable, new Set(found.values()), settings);
  const added = newcomers.slice(0, mostTracks - continued.length);
  const tracks = [...continued, ...added.map((detection, index) => newTrack(state.nextId + index, detection, time))];
  const dropped = state.dropped + newcomers.length - added.length + detections.length - usable.length;
  const liveTracks = new Set(live);
  return {
    state: { nextId: state.nextId + added.length, time, tracks, dropped },
    tracks: tracks.map((track) => toTrack(track, time, interval)),
    ended: before.tracks.filter((track) => !liveTracks.has(track)).map((track) => toTrack(track, time, interval)),
  };
}

/** The tracks in their last state: none of them is matched. */
export function openTracks(state: TrackerState): Track[] {
  return state.tracks.map((track) => toTrack(track, NaN, 0));
}

interface ExpectedTrack extends Candidate {
  readonly track: TrackState;
}

function predictTrack(track: TrackState, time: number, since: { previousTime: number; interval: number }): ExpectedTrack {
  const motion = predictMotion(track.motion, time - since.previousTime);
  return {
    track: { ...track, motion },
    box: boxOf(motion),
    confirmed: isConfirmed(track, since.interval),
    unseenSeconds: time - track.seenAt,
    unsureSeconds: time - track.sureAt,
  };
}

/** The detections of people who are not followed yet. */
function newcomersOf(detections: readonly Detection[], taken: ReadonlySet<Detection>, { newTrackScore }: TrackerSettings): Detection[] {
  const people = [...taken];
  return detections.filter((detection) => {
    if (taken.has(detection) || detection.score < newTrackScore) return false;
    if (people.some((person) => containment(person, detection) > mostContainment)) return false;
    people.push(detection);
    return true;
  });
}

function newTrack(id: number, detection: Detection, time: number): TrackState {
  return { id, motion: startMotion(detection), sightings: 1, seenAt: time, sureAt: time };
}

function withSighting(track: TrackState, detection: Detection, { time, sure }: { time: number; sure: boolean }): TrackState {
  return {
    id: track.id,
    motion: correctMotion(track.motion, detection, sure ? 1 : weakDoubt),
    sightings: track.sightings + 1,
    seenAt: time,
    sureAt: sure ? time : track.sureAt,
  };
}

function toTrack(track: TrackState, time: number, interval: number): Track {
  return { id: track.id, box: boxOf(track.motion), matched: track.seenAt === time, confirmed: isConfirmed(track, interval) };
}

function isConfirmed(track: TrackState, interval: number): boolean {
  return track.sightings >= (interval > slowSeconds ? confirmingSightingsOfSlow : confirmingSightings);
}

/** Whether the filter can use it: finite numbers, and a box with an area. */
function isUsable(detection: Detection): boolean {
  return (
    detection.right > detection.left &&
    detection.bottom > detection.top &&
    Number.isFinite(detection.left + detection.top + detection.right + detection.bottom + detection.score)
  );
}

function strongest(detections: readonly Detection[]): readonly Detection[] {
  if (detections.length <= mostDetections) return detections;
  return detections.toSorted((one, other) => other.score - one.score).slice(0, mostDetections);
}
