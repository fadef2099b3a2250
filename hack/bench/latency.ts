/** The time from sending an access unit to receiving its counts, from the agent's own histogram. */
import { liveRun, type LiveRun } from './live.ts';
import type { Bench, Row } from './rows.ts';

const MOST_MS = 400;

export async function latency(bench: Bench): Promise<Row[]> {
  const run = await liveRun(bench);
  const note = `${run.latency.at(-1)?.count ?? 0} access units`;
  return [
    { part: 'latency', what: 'from sending to counts, p50', value: 1000 * quantile(run.latency, 0.5), unit: 'ms', note },
    {
      part: 'latency',
      what: 'from sending to counts, p95',
      value: 1000 * quantile(run.latency, 0.95),
      unit: 'ms',
      target: { most: MOST_MS },
    },
  ];
}

/** As Prometheus's histogram_quantile: linear within a bucket. */
function quantile(buckets: LiveRun['latency'], share: number): number {
  const rank = share * (buckets.at(-1)?.count ?? 0);
  const index = buckets.findIndex(({ count }) => count >= rank && count > 0);
  if (index === -1) return NaN;
  const [below, bucket] = [buckets[index - 1] ?? { upTo: 0, count: 0 }, buckets[index]!];
  if (bucket.upTo === Infinity) return below.upTo;
  return below.upTo + ((bucket.upTo - below.upTo) * (rank - below.count)) / (bucket.count - below.count);
}
