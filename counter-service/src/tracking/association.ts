/**
 * Which detection shows which track, in the manner of ByteTrack (Y. Zhang et al., "ByteTrack: Multi-Object Tracking by
 * Associating Every Detection Box", ECCV 2022): sure detections first, so that a weak one can never take a person from
 * a strong one, then weak detections for tracks without a sure one, such as a half-hidden person. Each stage uses what
 * the stages before it left.
 */
import type { Detection } from '../detection/detection.ts';
import { assign } from './assignment.ts';
import type { Box } from './box.ts';
import { overlap } from './box.ts';

/** A track in the form that association needs; `box` is its predicted box. */
export interface Candidate {
  readonly box: Box;
  readonly confirmed: boolean;
  /** Since any detection, and since a sure one, in seconds. */
  readonly unseenSeconds: number;
  readonly unsureSeconds: number;
}

export interface Scores {
  /** From this score a detection is sure, 0 to 1. */
  readonly highScore: number;
  /** From this score a detection may carry on a track; below, it is ignored. */
  readonly lowScore: number;
  /** From this score a detection may begin a track, or bring back a track from afar. */
  readonly newTrackScore: number;
}

interface Stage<Track> {
  readonly tracks: (track: Track) => boolean;
  readonly detections: (detection: Detection) => boolean;
  /** Greater is likelier; 0 or less is impossible. */
  readonly gain: (track: Track, detection: Detection) => number;
}

// Boxes are grown by a fifth on every side before they are compared, which keeps fast walkers at few frames a second.
const reach = 0.2;
// The thresholds of ByteTrack, but for the last, 0.3 there: a person who steps into the picture outgrows the first box quickly.
const sureOverlap = 0.2;
const weakOverlap = 0.5;
const newcomerOverlap = 0.2;

// Weak detections carry a track through a moment, not for long: background that resembles a person scores low forever.
const weakSeconds = 1;
/** A weak detection may be background at the place where a person was lost, unless that was just now. */
const weakAfterUnseenSeconds = 0.5;

// A person hidden behind another who appears elsewhere is the same person if they could have walked there.
const reunionSeconds = 1.5;
/** In heights of the person: the uncertainty of the place at once, how it grows a second, and where it ends. */
const reunionReach = { first: 0.3, perSecond: 1, most: 1, mostOfSlow: 1.5 };
/** A person does not change their height by more than this factor within a second. */
const reunionGrowth = 1.4;

/** Pictures further apart than this are slow: a person walks out of their box from one to the next, and boxes need not overlap. */
const slowSeconds = 0.28;
/** In intervals of pictures: a person whom one picture missed is looked for in the next, or the next two if they were known. */
export const missedOnce = 1.5;
export const missedTwice = 2.5;

/** The detection of each track that has one. @param intervalSeconds since the picture before. */
export function associate<Track extends Candidate>(
  tracks: readonly Track[],
  detections: readonly Detection[],
  scores: Scores,
  intervalSeconds = 0,
): Map<Track, Detection> {
  const found = new Map<Track, Detection>();
  const taken = new Set<Detection>();
  for (const stage of stages(scores, intervalSeconds)) {
    const openTracks = tracks.filter((track) => !found.has(track) && stage.tracks(track));
    const openDetections = detections.filter((detection) => !taken.has(detection) && stage.detections(detection));
    const gain = (row: number, column: number) => stage.gain(openTracks[row]!, openDetections[column]!);
    for (const pair of assign(openTracks.length, openDetections.length, gain)) {
      const detection = openDetections[pair.column]!;
      found.set(openTracks[pair.row]!, detection);
      taken.add(detection);
    }
  }
  return found;
}

function stages(scores: Scores, intervalSeconds: number): Stage<Candidate>[] {
  const isSlow = intervalSeconds > slowSeconds;
  const mostReach = isSlow ? reunionReach.mostOfSlow : reunionReach.most;
  const weakAfterUnseen = Math.max(weakAfterUnseenSeconds, missedOnce * intervalSeconds);
  const reunionAfterUnseen = Math.max(reunionSeconds, missedTwice * intervalSeconds);
  const walk = (track: Candidate, detection: Detection) => walkGain(track, detection, mostReach);
  const sure = (detection: Detection) => detection.score >= scores.highScore;
  return [
    {
      tracks: (track) => track.confirmed,
      detections: sure,
      gain: (track, detection) => overlap(track.box, detection, reach) * detection.score - sureOverlap,
    },
    {
      tracks: (track) => track.confirmed && track.unsureSeconds <= weakSeconds && track.unseenSeconds <= weakAfterUnseen,
      detections: (detection) => !sure(detection) && detection.score >= scores.lowScore,
      gain: (track, detection) => overlap(track.box, detection, reach) - weakOverlap,
    },
    // Before new tracks: the first glimpse of a person who comes out from behind a post may have begun one.
    {
      tracks: (track) => track.confirmed && track.unseenSeconds <= reunionAfterUnseen,
      detections: (detection) => detection.score >= scores.newTrackScore,
      gain: walk,
    },
    {
      tracks: (track) => !track.confirmed,
      detections: sure,
      gain: (track, detection) => overlap(track.box, detection, reach) - newcomerOverlap,
    },
    { tracks: (track) => isSlow && !track.confirmed, detections: sure, gain: walk },
  ];
}

/** 1 where the track was expected, 0 as far away as the person can have walked since they were last seen. */
function walkGain(track: Candidate, detection: Detection, mostReach: number): number {
  const height = track.box.bottom - track.box.top;
  const growth = (detection.bottom - detection.top) / height;
  if (growth > reunionGrowth || growth * reunionGrowth < 1) return 0;
  const across = (detection.left + detection.right - track.box.left - track.box.right) / 2;
  const down = detection.top - track.box.top;
  const heights = Math.sqrt(across * across + down * down) / height;
  return 1 - heights / Math.min(mostReach, reunionReach.first + reunionReach.perSecond * track.unseenSeconds);
}
