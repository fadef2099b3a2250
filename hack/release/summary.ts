/** What a release did: a line for each step, and the whole of it for programs. */
import type { Options } from './options.ts';

export const Outcome = {
  done: 'done',
  /** A dry run shows what a release would do. */
  planned: 'planned',
  skipped: 'skipped',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

export interface Step {
  readonly step: string;
  readonly outcome: Outcome;
  readonly sentence: string;
  /** Those that were run, or would be. */
  readonly commands?: readonly string[];
}

export interface Artifact {
  readonly file: string;
  readonly sha256: string;
}

export interface PushedImage {
  readonly part: string;
  readonly repository: string;
  readonly digest: string;
}

export interface Summary {
  readonly version: string;
  readonly dryRun: boolean;
  readonly phases: readonly string[];
  readonly revision: string;
  readonly directory: string;
  readonly steps: readonly Step[];
  readonly artifacts: readonly Artifact[];
  /** Pushed to the registry; a dry run has none. */
  readonly images: readonly PushedImage[];
  /** Why it ended early. */
  readonly failure?: string;
}

/** Collects while the release goes on, so that a failed one can say how far it came. */
export class Report {
  /** Known once git was asked. */
  revision = '';
  readonly #steps: Step[] = [];
  readonly #artifacts: Artifact[] = [];
  readonly #images: PushedImage[] = [];
  readonly #show: (text: string) => void;

  constructor(show: (text: string) => void) {
    this.#show = show;
  }

  step(step: Step): void {
    this.#steps.push(step);
    this.#show(lineOf(step));
  }

  artifact(artifact: Artifact): void {
    this.#artifacts.push(artifact);
  }

  image(image: PushedImage): void {
    this.#images.push(image);
  }

  summary({ version, dryRun, phases, directory }: Options, failure: string | undefined): Summary {
    const collected = { steps: this.#steps, artifacts: this.#artifacts, images: this.#images };
    return { version, dryRun, phases, revision: this.revision, directory, ...collected, ...(failure !== undefined && { failure }) };
  }
}

export function lineOf({ step, outcome, sentence, commands = [] }: Step): string {
  return [`${outcome.padEnd(8)} ${step.padEnd(10)} ${sentence}`, ...commands.map((command) => `           $ ${command}`)].join('\n');
}
