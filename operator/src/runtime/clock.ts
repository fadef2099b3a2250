/** Time that only goes forward, whatever the wall clock does. */
export interface Clock {
  /** Seconds since some moment. */
  now(): number;
  /** Returns what cancels it. */
  after(seconds: number, ring: () => void): () => void;
}

/** The longest that Node's timers know. */
const LONGEST_SECONDS = 2 ** 31 / 1000 - 1;

export const monotonic: Clock = {
  now: () => performance.now() / 1000,
  after: (seconds, ring) => {
    const timer = setTimeout(ring, Math.min(Math.max(0, seconds), LONGEST_SECONDS) * 1000);
    return () => clearTimeout(timer);
  },
};
