/** Puts `protocol.ts` of this folder in the place of the product's two sides of the protocol, for every module but itself. */
import { flushCompileCache, registerHooks } from 'node:module';

/** A process has started by then. */
const STARTED_MS = 5000;

const watched = new URL('protocol.ts', import.meta.url).href;
const sides: ReadonlySet<string> = new Set(['server.ts', 'client.ts'].map((name) => import.meta.resolve(`#proto/wire/${name}`)));

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    return sides.has(found.url) && context.parentURL !== watched ? { ...found, url: watched } : found;
  },
});

// A killed process does not write its compile cache, with which the next one starts faster.
setTimeout(flushCompileCache, STARTED_MS).unref();
