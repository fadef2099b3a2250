/** Shows a session at the site, and logs it. */
import type { Log } from '#proto/process/log.ts';
import type { SessionObserver } from '../uplink/session-observer.ts';
import type { Site } from './site.ts';

export function observeSession(site: Site, log: Log): SessionObserver {
  return {
    onNoCounter: (sentence) => {
      site.showNoCounter(sentence);
      log.warn({ sentence }, 'there is no counter');
    },
    onDial: (address) => site.showDial(address),
    onWelcome: ({ address, session, term }) => {
      site.showWelcome(address, term);
      log.info({ counter: address, session, term }, 'a counter took the stream');
    },
    onSuspect: (suspect) => site.showSuspect(suspect),
    onSent: (unit) => site.countSent(unit),
    onGap: (gap) => site.countGap(gap),
    onCounts: (counts) => site.showCounts(counts),
    onLost: (address, outcome) => {
      site.showLost(outcome);
      log.warn({ counter: address, ...outcome }, 'the counter no longer serves the stream');
    },
    onLeft: (address, outcome) => log.info({ counter: address, ...outcome }, 'the agent has left its counter'),
    onFinished: () => site.showFinished(),
  };
}
