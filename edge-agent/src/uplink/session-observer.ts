/** What a session reports on its way. An observer shows and logs; nothing that it does changes what the session does. */
import type { CallOutcome, Exchange } from './exchange.ts';

export interface SessionObserver extends Pick<Exchange, 'onSuspect' | 'onSent' | 'onGap' | 'onCounts'> {
  /** The directory knows no counter. */
  readonly onNoCounter: (sentence: string) => void;
  readonly onDial: (address: string) => void;
  readonly onWelcome: (welcome: { readonly address: string; readonly session: string; readonly term: number }) => void;
  /** The counter does not serve the stream, or no longer. */
  readonly onLost: (address: string, outcome: CallOutcome) => void;
  /** The agent left its counter because it ends. */
  readonly onLeft: (address: string, outcome: CallOutcome) => void;
  /** Everything is committed. */
  readonly onFinished: () => void;
}
