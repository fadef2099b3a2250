/**
 * The steps of the protocol at which a trial can kill or stop a process, by name. The product does not contain them: a
 * process under trial loads `inside/` before its own code, and the wrappers there pass these points.
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

/** What happens when a process passes a point for the nth time. `full`: writes fail for a while as on a full disk. */
export interface Order {
  readonly point: Point;
  readonly nth: number;
  readonly act: 'kill' | 'stop' | 'full';
}

/** For a process under trial, in FOOTFALL_TRIAL. */
export interface Instructions {
  /** Files to which the process appends. */
  readonly notes: string;
  readonly tape: string;
  readonly order?: Order | undefined;
}
