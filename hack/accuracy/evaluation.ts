/**
 * Counts a sequence's crossings from a detector's boxes, and the true ones from annotated boxes.
 *
 * The truth on any line is what the counter counts on the annotated boxes, whose identities are given; the events that come
 * with the data set verify it. No parameter was tuned on the random lines: they show the tracker's general quality.
 */
import { countStep, createCounter, type CrossingEvent } from '../../counter-service/src/counting/counter.ts';
import type { Layout, LineSpec } from '../../counter-service/src/counting/layout.ts';
import type { Detection } from '../../counter-service/src/detection/detection.ts';
import type { Track } from '../../counter-service/src/tracking/track.ts';
import { suppress } from '../../counter-service/src/detection/nms.ts';
import { mostOverlapOf } from '../../counter-service/src/detection/views.ts';
import { createTracker, type TrackerSettings, trackStep } from '../../counter-service/src/tracking/tracker.ts';
import { Random } from '../machine/random.ts';
import type { MotBox } from './mot.ts';

export interface Footage {
  readonly framesPerSecond: number;
  readonly layout: Layout;
}

export interface Sampling {
  /** Uses each `every`-th frame from the frame `first` on. */
  readonly every: number;
  readonly first: number;
}

const mostOverlap = mostOverlapOf({ view: 'Oblique' });

/** The crossings counted on a detector's boxes; frames count from 1. */
export function countCrossings(
  detections: readonly (readonly Detection[])[],
  footage: Footage,
  settings: TrackerSettings,
  { every, first }: Sampling = { every: 1, first: 0 },
): CrossingEvent[] {
  let tracker = createTracker();
  let counter = createCounter(footage.layout);
  const events: CrossingEvent[] = [];
  for (let index = first; index < detections.length; index += every) {
    const time = index / footage.framesPerSecond;
    const tracked = trackStep(tracker, suppress(detections[index]!, mostOverlap), time, settings);
    const counted = countStep(counter, tracked.tracks, tracked.ended, { time, frame: index + 1 });
    [tracker, counter] = [tracked.state, counted.state];
    events.push(...counted.crossings);
  }
  return events;
}

/** The crossings of the annotated people; `track` is their id. */
export function trueCrossings(annotation: readonly (readonly MotBox[])[], footage: Footage): CrossingEvent[] {
  let counter = createCounter(footage.layout);
  const events: CrossingEvent[] = [];
  for (const [index, boxes] of annotation.entries()) {
    const tracks = boxes.map((box): Track => ({ id: box.id, box, matched: true, confirmed: true }));
    const counted = countStep(counter, tracks, [], { time: index / footage.framesPerSecond, frame: index + 1 });
    counter = counted.state;
    events.push(...counted.crossings);
  }
  return events;
}

/** `count` lines with both ends anywhere in the picture, at least 150 thousandths apart; the same for the same seed. */
export function randomLines(count: number, seed: number): LineSpec[] {
  const random = new Random(seed);
  const lines: LineSpec[] = [];
  while (lines.length < count) {
    const [from, to] = [
      { x: 1000 * random.fraction(), y: 1000 * random.fraction() },
      { x: 1000 * random.fraction(), y: 1000 * random.fraction() },
    ];
    if (Math.hypot(from.x - to.x, from.y - to.y) >= 150) lines.push({ name: `random-${lines.length}`, from, to });
  }
  return lines;
}

/** Moves every edge by a normally distributed share of the box's size, and removes some detections. */
export function disturb(
  detections: readonly (readonly Detection[])[],
  { jitter, lost, seed }: { jitter: number; lost: number; seed: number },
): Detection[][] {
  const random = new Random(seed);
  // Box and Muller, 1958.
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
  return detections.map((frame) =>
    frame
      .filter(() => random.fraction() >= lost)
      .map((box) => {
        const [across, down] = [jitter * (box.right - box.left), jitter * (box.bottom - box.top)];
        return {
          left: box.left + across * normal(),
          top: box.top + down * normal(),
          right: box.right + across * normal(),
          bottom: box.bottom + down * normal(),
          score: box.score,
        };
      }),
  );
}
