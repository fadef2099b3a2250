/**
 * The fence around the ledger: what a new entry must be, given the old one. The API server enforces it on
 * `status.counts` with the CEL twins, a ledger in a file with `brokenFence`.
 */

export interface Fenced {
  readonly term: number;
  readonly position: number;
  readonly in: number;
  readonly out: number;
  readonly doubtfulSeconds?: number | undefined;
  readonly gaps: { readonly count: number };
  readonly delivered?: { readonly crossings: number; readonly gaps: number } | undefined;
}

interface FenceRule {
  /** `in` is a reserved word of CEL, hence `__in__`. */
  readonly cel: string;
  readonly holds: (next: Fenced, old: Fenced) => boolean;
  readonly message: string;
}

export const fence: readonly FenceRule[] = [
  {
    cel: 'self.term >= oldSelf.term',
    holds: (next, old) => next.term >= old.term,
    message: 'must not come from a counter of an earlier term',
  },
  {
    cel: 'self.term > oldSelf.term || self.position >= oldSelf.position',
    holds: (next, old) => next.term > old.term || next.position >= old.position,
    message: 'must not go back to an earlier position within a term',
  },
  {
    cel: 'self.__in__ >= oldSelf.__in__ && self.out >= oldSelf.out',
    holds: (next, old) => next.in >= old.in && next.out >= old.out,
    message: 'must not lower a total',
  },
  {
    // Counters of an earlier release leave it out; then the next one begins anew.
    cel: '!has(self.doubtfulSeconds) || !has(oldSelf.doubtfulSeconds) || self.doubtfulSeconds >= oldSelf.doubtfulSeconds',
    holds: ({ doubtfulSeconds: next }, { doubtfulSeconds: old }) => next === undefined || old === undefined || next >= old,
    message: 'must not lower the doubtful time',
  },
  {
    cel: '!has(self.delivered) || (self.delivered.crossings <= self.__in__ + self.out && self.delivered.gaps <= self.gaps.count)',
    holds: ({ delivered, gaps, ...next }) =>
      delivered === undefined || (delivered.crossings <= next.in + next.out && delivered.gaps <= gaps.count),
    message: 'must not deliver more than is counted',
  },
  {
    // Counters without receivers leave the cursor out, and those with receivers begin anew with what they count.
    cel:
      '!has(self.delivered) || !has(oldSelf.delivered) || ' +
      '(self.delivered.crossings >= oldSelf.delivered.crossings && self.delivered.gaps >= oldSelf.delivered.gaps)',
    holds: ({ delivered: next }, { delivered: old }) =>
      next === undefined || old === undefined || (next.crossings >= old.crossings && next.gaps >= old.gaps),
    message: 'must not lower what is delivered',
  },
];

/** For the status as a whole: an entry that could be taken away could be followed by any other. */
export const kept = { cel: 'has(self.counts) || !has(oldSelf.counts)', message: 'must keep its counts' };

/** Why `next` may not follow `old`, or undefined when it may. The first entry of all may be anything. */
export function brokenFence(next: Fenced, old: Fenced | undefined): string | undefined {
  if (old === undefined) return undefined;
  return fence.find((rule) => !rule.holds(next, old))?.message;
}
