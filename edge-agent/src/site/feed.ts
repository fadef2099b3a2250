/** `/counts`: the newest view as JSON, or as server-sent events, one for each change. Readers are bounded, and so is what each holds. */
import type { ServerResponse } from 'node:http';
import type { Route } from '#proto/process/http-server.ts';
import type { SiteView } from './view.ts';

/** A reader with more unread bytes is cut off, or it would fill the memory. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** Of events: together they hold two megabytes at most. */
const MAX_READERS = 32;
const FAREWELL_MS = 1000;

export class Feed {
  readonly #readers = new Set<ServerResponse>();
  #view: SiteView;

  constructor(view: SiteView) {
    this.#view = view;
  }

  publish(view: SiteView): void {
    this.#view = view;
    const event = this.#readers.size > 0 ? eventOf(view) : '';
    for (const reader of this.#readers) {
      if (reader.writableLength > MAX_UNREAD_BYTES) reader.destroy();
      else reader.write(event);
    }
  }

  get route(): Route {
    return (request, response) => {
      if (request.headers.accept?.includes('text/event-stream') !== true) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(this.#view)}\n`);
        return;
      }
      if (this.#readers.size >= MAX_READERS) {
        response
          .writeHead(503, { 'content-type': 'text/plain; charset=utf-8' })
          .end(`${MAX_READERS} readers follow the counts already; ask for them without text/event-stream\n`);
        return;
      }
      // The view may stay the same for any time.
      response.setTimeout(0);
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(eventOf(this.#view));
      this.#readers.add(response);
      response.on('close', () => this.#readers.delete(response));
    };
  }

  /** Ends every reader; resolves when they have read everything, or after FAREWELL_MS. */
  async close(): Promise<void> {
    const farewells = [...this.#readers].map(
      (reader) =>
        new Promise<void>((resolve) => {
          reader.once('close', resolve);
          reader.setTimeout(FAREWELL_MS, () => reader.destroy());
          reader.end();
        }),
    );
    await Promise.all(farewells);
  }
}

function eventOf(view: SiteView): string {
  return `data: ${JSON.stringify(view)}\n\n`;
}
