/** The rules that the protocol rests on, each of which can be broken to see what it is good for. */
export const sound = {
  /** A counter commits what the agent has stored, and nothing else. */
  storeBeforeCommit: true,
  /** A counter releases what is committed, and nothing else. */
  commitBeforeRelease: true,
  /** The ledger takes a write only if nothing was written since the version that it names. */
  versionChecked: true,
  /** The fence: no commit of an earlier term, */
  termFence: true,
  /** none of an earlier position within a term, */
  positionFence: true,
  /** and none that lowers a total. */
  totalsFence: true,
  /** A counter whose write conflicts looks whose term it is, and stops when it is not its own. */
  fencedStops: true,
  /** An agent whose session was taken over is refused, unless it begins a new one. */
  supersededRefused: true,
  /** The agent goes on from a checkpoint at or after the committed position, and the counter checks it. */
  resumeChecked: true,
  /** Each hole in the log is declared by the agent, */
  gapsDeclared: true,
  /** and recorded by the counter. */
  gapsRecorded: true,
  /** A counter that has recorded a gap goes on, as does the counter after it, from where the gap ended. */
  gapsPassed: true,
  /** What was stored is kept, whether or not its commit is known. */
  uncommittedKept: true,
  /** A new session goes on from nothing that an earlier one left. */
  otherSessionForgotten: true,
  /** A new session declares the time since the last commit of the one before. */
  takeoverDeclared: true,
  /** A new session passes over the moments that the one before has committed. */
  overlapPassedOver: true,
  /** A takeover is declared up to the first access unit, not to the start of the agent. */
  declaredToFirstUnit: true,
  /** The ring is trimmed to what decoding from the released checkpoint needs. */
  ringKeepsCheckpoint: true,
};

export type Rules = typeof sound;
