/** Puts `protocol.ts` of this folder in the place of the product's, for everybody but itself. */
import { flushCompileCache, registerHooks } from 'node:module';

/** A process has started by then. */
const STARTED_MS = 5000;

const watched = new URL('protocol.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '#proto/protocol.ts' && context.parentURL !== watched ? { url: watched, shortCircuit: true } : next(specifier, context),
});

// A killed process does not write its compile cache, with which the next one starts faster.
setTimeout(flushCompileCache, STARTED_MS).unref();
