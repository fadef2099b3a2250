/** What the phases of a release work with. */
import type { Report } from './summary.ts';

export interface Work {
  /** The project's root; in a dry run a copy of it. */
  readonly tree: string;
  /** Relative to the root: what git knows. */
  readonly files: readonly string[];
  /** Where artifacts go. */
  readonly directory: string;
  readonly version: string;
  /** The version before. */
  readonly from: string;
  readonly revision: string;
  /** As in 2026-11-30. */
  readonly date: string;
  readonly dryRun: boolean;
  readonly report: Report;
  /** Ends the program that runs, and with it the release. */
  readonly signal: AbortSignal;
}
