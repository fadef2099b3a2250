/** What the agent knows, for the people at the site: the camera, the counter, and the newest counts, at `/counts` and `/metrics`. */
import type { Metrics } from '#proto/process/metrics.ts';
import type { Route } from '#proto/process/http-server.ts';
import type { CountsMessage, StreamName } from '#proto/wire/protocol.ts';
import type { CameraState } from '../camera/camera-state.ts';
import type { Gap, NumberedUnit } from '../ring/recording.ts';
import type { Retained } from '../ring/retained.ts';
import type { Ring } from '../ring/ring.ts';
import type { LookupResult } from '../uplink/directory.ts';
import type { CallOutcome } from '../uplink/exchange.ts';
import { Feed } from './feed.ts';
import { SiteMetrics } from './site-metrics.ts';
import { changeView, emptyView, missing, type SiteView, viewOfCounts } from './view.ts';

export class Site {
  readonly #metrics: SiteMetrics;
  readonly #feed: Feed;
  #view: SiteView;

  constructor(stream: StreamName, metrics: Metrics, nowSeconds: () => number) {
    this.#metrics = new SiteMetrics(metrics, nowSeconds);
    this.#view = emptyView(stream);
    this.#feed = new Feed(this.#view);
  }

  get route(): Route {
    return this.#feed.route;
  }

  /** A sentence on what is missing, or nothing while video goes up and counts come down. */
  unready(): string | undefined {
    return missing(this.#view);
  }

  close(): Promise<void> {
    return this.#feed.close();
  }

  /** What an earlier process of this session left. */
  showRetained(retained: Retained): void {
    this.#metrics.showRetained(retained);
  }

  showCamera(state: Readonly<CameraState>, ring?: Ring): void {
    this.#metrics.showCamera(state, ring);
    const { connected, fault } = state;
    const { camera } = this.#view;
    if (connected === camera.connected && fault?.sentence === camera.sentence) return;
    this.#show({ camera: { connected, ...(fault && { reason: fault.reason, sentence: fault.sentence }) } });
  }

  countLookup(result: LookupResult): void {
    this.#metrics.countLookup(result);
  }

  showNoCounter(sentence: string): void {
    this.#showCounter({ connected: false, address: '', sentence });
  }

  showDial(address: string): void {
    this.#showCounter({ connected: false, address });
  }

  showWelcome(address: string, term: number): void {
    this.#metrics.countWelcome();
    this.#show({ counter: { connected: true, address, term, suspect: false } });
  }

  /** The counter is silent, or speaks again. */
  showSuspect(suspect: boolean): void {
    this.#metrics.showSuspect(suspect);
    this.#showCounter({ suspect });
  }

  showLost(outcome: CallOutcome): void {
    this.#metrics.showLost();
    this.#showCounter({ connected: false, suspect: false, sentence: 'sentence' in outcome ? outcome.sentence : 'finished' });
  }

  countSent(unit: NumberedUnit): void {
    this.#metrics.countSent(unit);
  }

  countGap(gap: Gap): void {
    this.#metrics.countGap(gap);
  }

  showCounts(counts: CountsMessage): void {
    this.#metrics.showCounts(counts);
    this.#show(viewOfCounts(counts));
  }

  showFinished(): void {
    this.#show({ finished: true, provisional: false });
  }

  #showCounter(change: Partial<SiteView['counter']>): void {
    this.#show({ counter: { ...this.#view.counter, ...change } });
  }

  #show(change: Partial<SiteView>): void {
    const before = this.#view;
    this.#view = changeView(before, change);
    this.#metrics.showView(this.#view, before);
    this.#feed.publish(this.#view);
  }
}
