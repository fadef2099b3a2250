/** Puts `protocol.ts` of this folder in the place of the product's two sides of the protocol, for every module but itself. */
import { flushCompileCache, registerHooks } from 'node:module';

/** A start is over by then. */
const STARTED_MS = 5000;

const watched = new URL('protocol.ts', import.meta.url).href;
const sides: ReadonlySet<string> = new Set(['server.ts', 'client.ts'].map((name) => import.meta.resolve(`#proto/wire/${name}`)));

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    return sides.has(found.url) && context.parentURL !== watched ? { ...found, url: watched } : found;
  },
});

// One that is killed leaves the next one nothing to start faster with.
setTimeout(flushCompileCache, STARTED_MS).unref();
