/**
 * The fence around the ledger: what a new entry must be, given the old one. The API server enforces it on
 * `status.counts` with the CEL twins, a ledger in a file with `brokenFence`.
 */
export interface Fenced {
  readonly term: number;
  readonly position: number;
  readonly in: number;
  readonly out: number;
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
];

/** For the status as a whole: an entry that could be taken away could be followed by any other. */
export const kept = { cel: 'has(self.counts) || !has(oldSelf.counts)', message: 'must keep its counts' };

/** Why `next` may not follow `old`, or undefined when it may. The first entry of all may be anything. */
export function brokenFence(next: Fenced, old: Fenced | undefined): string | undefined {
  if (old === undefined) return undefined;
  return fence.find((rule) => !rule.holds(next, old))?.message;
}
