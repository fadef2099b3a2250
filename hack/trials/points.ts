/**
 * The steps of the protocol at which a process may be hit, by name. None of them is in the product: a process under
 * trial is started with code of `inside/` before its own, which passes these points as the product goes by.
 */

export const COUNTER_POINTS = [
  'hears hello',
  'before claim',
  'ledger file not in place',
  'after claim',
  'before welcome',
  'after welcome',
  'hears resume',
  'hears accessUnit',
  'hears gap',
  'before storeCheckpoint',
  'after storeCheckpoint',
  'hears checkpointStored',
  'before commit',
  'after commit',
  'before receipt',
  'after receipt',
  'before release',
  'after release',
  'before goAway',
  'after goAway',
  'hears endOfStream',
  'before finished',
  'after finished',
] as const;

export const AGENT_POINTS = [
  'before session',
  'session not in place',
  'after session',
  'before hello',
  'after hello',
  'hears welcome',
  'before resume',
  'after resume',
  'before segment',
  'after segment',
  'before block',
  'half a block',
  'after block',
  'before mark',
  'after mark',
  'after accessUnit',
  'before gap',
  'after gap',
  'hears storeCheckpoint',
  'before checkpoint',
  'checkpoint not in place',
  'after checkpoint',
  'before checkpointStored',
  'after checkpointStored',
  'hears release',
  'after release',
  'hears goAway',
  'before endOfStream',
  'after endOfStream',
  'hears finished',
] as const;

export type Point = (typeof COUNTER_POINTS)[number] | (typeof AGENT_POINTS)[number];

/** What is to happen when a process passes a point for the nth time. `full`: as if there were no room on the disk, for a while. */
export interface Order {
  readonly point: Point;
  readonly nth: number;
  readonly act: 'kill' | 'stop' | 'full';
}

/** In FOOTFALL_TRIAL: what a process under trial is told. */
export interface Instructions {
  /** Files that it appends to. */
  readonly notes: string;
  readonly tape: string;
  readonly order?: Order | undefined;
}
