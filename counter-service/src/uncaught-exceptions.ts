/**
 * The last net: what nobody caught, a mistake of this program in one of its streams, as a rule.
 *
 * Going on would be wrong, for a stream that stands still without a word looks like an empty floor. To end at once
 * would be no safer than to drain: states are replaced whole, so nothing half-done is settled, and the ledger's fence
 * stands behind it; but every agent would have to find out and replay. So the counter drains, and ends with code 1 for
 * the kubelet to start it anew. Where even that goes wrong, it ends as it is.
 */
import process from 'node:process';
import type { Log } from '#proto/process/log.ts';

/** Aborted by the first one; sets the exit code. @param drainMs what the process is given to end by itself then. */
export function unforeseen(log: Log, drainMs: number): AbortSignal {
  const happened = new AbortController();
  // Rejections that nobody handles come here, too.
  process.on('uncaughtException', (error) => {
    log.error({ fault: error instanceof Error ? error.stack : String(error) }, 'unforeseen: the counter drains and ends');
    process.exitCode = 1;
    if (happened.signal.aborted) process.exit();
    setTimeout(() => process.exit(), drainMs).unref();
    happened.abort(error);
  });
  return happened.signal;
}
