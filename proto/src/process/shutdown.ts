/** How every process ends: a signal (or the parent's death) aborts, the process cleans up, a second signal kills. */
import process from 'node:process';

/** Aborted by SIGTERM or SIGINT, or when a parent that holds an IPC channel goes away. */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: string) => () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGTERM', stop('SIGTERM'));
  process.on('SIGINT', stop('SIGINT'));
  // Also when the process itself hangs up at its end: no reason to kill anything.
  if (process.connected) process.on('disconnect', () => controller.abort(new Error('stopped by the end of its parent')));
  return controller.signal;
}

/** Sends a parent process, if there is one, what it waits for: addresses, or how the work ended. */
export function announce(message: object): void {
  if (process.connected) process.send?.(message);
}
