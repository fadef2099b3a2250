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
  /** A counter delivers only events that it knows to be committed, */
  deliverAfterCommit: true,
  /** and declares only those lost. */
  lossAfterCommit: true,
  /** It delivers what the earlier terms have committed, too. */
  earlierTermsDelivered: true,
  /** The cursor passes an event, or a loss, when the receiver has answered that it took it. */
  cursorAfterReceipt: true,
  /** Events that wait are part of the checkpoint, as the cursor is. */
  outboxInCheckpoint: true,
  /** No more of them wait than the outbox may hold: the oldest go. */
  outboxBounded: true,
  /** Events that will not be delivered are declared lost before a later one is delivered. */
  lossDeclared: true,
  /** A counter that resumes goes on from the ledger's cursor when the checkpoint's is older. */
  cursorResumed: true,
  /** The fence: no commit lowers the cursor. */
  cursorFence: true,
  /** What is committed is delivered before the last call of a log is finished. */
  endDelivers: true,
};

export type Rules = typeof sound;
