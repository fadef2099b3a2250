/**
 * Uncaught exceptions: usually a bug in the code of one stream.
 *
 * The counter must not go on, for a stream that stopped without a report looks like an empty floor. It drains instead of
 * ending at once: each state is replaced as a whole, so no half-done step is settled, and no agent has to notice a dead
 * counter and replay. Then it ends with code 1, and the kubelet restarts it. A second exception, or a drain that takes
 * too long, ends it at once.
 */
import process from 'node:process';
import type { Log } from '#proto/process/log.ts';

/** Aborted by the first uncaught exception, which also sets the exit code. @param drainMs the time limit of the drain. */
export function uncaughtExceptionSignal(log: Log, drainMs: number): AbortSignal {
  const controller = new AbortController();
  // Node reports unhandled rejections here, too.
  process.on('uncaughtException', (error) => {
    log.error({ fault: error instanceof Error ? error.stack : String(error) }, 'uncaught exception: the counter drains and ends');
    process.exitCode = 1;
    if (controller.signal.aborted) process.exit();
    setTimeout(() => process.exit(), drainMs).unref();
    controller.abort(error);
  });
  return controller.signal;
}
