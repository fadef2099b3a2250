/** Monotonic time: it never goes back when the wall clock is set. */
export interface Clock {
  /** Seconds since an arbitrary moment. */
  now(): number;
  /** Returns a function that cancels the call. */
  after(seconds: number, call: () => void): () => void;
}

/** The longest delay of Node's timers. */
const LONGEST_SECONDS = 2 ** 31 / 1000 - 1;

export const monotonic: Clock = {
  now: () => performance.now() / 1000,
  after: (seconds, call) => {
    const timer = setTimeout(call, Math.min(Math.max(0, seconds), LONGEST_SECONDS) * 1000);
    return () => clearTimeout(timer);
  },
};
