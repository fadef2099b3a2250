/** Follows an agent's `/counts` page as it changes. */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { SiteView } from '../edge-agent/src/site/view.ts';

/** Calls `onView` with every view until the agent closes the page. */
export function followCounts(port: number, onView: (view: SiteView) => void): Promise<void> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/counts', headers: { accept: 'text/event-stream' } });
    call.on('response', (response) => {
      const lines = createInterface({ input: response });
      lines.on('line', (line) => {
        if (line.startsWith('data: ')) onView(JSON.parse(line.slice('data: '.length)) as SiteView);
      });
      lines.on('close', resolve);
      // A killed agent cuts the page; the supervisor reports how it ended.
      lines.on('error', () => resolve());
    });
    call.on('error', () => resolve());
    call.end();
  });
}
