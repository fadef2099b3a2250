/** Puts `protocol.ts` of this folder in the place of the product's, for everybody but itself. */
import { flushCompileCache, registerHooks } from 'node:module';

/** A start is over by then. */
const STARTED_MS = 5000;

const watched = new URL('protocol.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '#proto/wire/protocol.ts' && context.parentURL !== watched
      ? { url: watched, shortCircuit: true }
      : next(specifier, context),
});

// One that is killed leaves the next one nothing to start faster with.
setTimeout(flushCompileCache, STARTED_MS).unref();
