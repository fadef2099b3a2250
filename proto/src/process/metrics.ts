/** Prometheus metrics: the only file that knows the client library. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Names are without `footfall_`, which each gets. */
export interface Metrics extends Instruments {
  readonly contentType: string;
  /** Names without the prefix: for those that dashboards of the field expect. */
  readonly bare: Instruments;
  render(): Promise<string>;
}
export interface Instruments {
  counter(name: string, help: string, labels?: readonly string[]): Count;
  gauge(name: string, help: string, labels?: readonly string[]): Level;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Distribution;
}
export type Labels = Readonly<Record<string, string>>;
export interface Count {
  add(value: number, labels?: Labels): void;
  forget(labels: Labels): Promise<void>;
}
export interface Level {
  set(value: number, labels?: Labels): void;
  forget(labels: Labels): Promise<void>;
}
export interface Distribution {
  observe(value: number, labels?: Labels): void;
}

export function createMetrics(): Metrics {
  const register = new Registry();
  // At its default of 10 ms, watching the event loop would be the agent's main work.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 1000 });
  return {
    ...instruments(register, 'footfall_'),
    bare: instruments(register, ''),
    contentType: register.contentType,
    render: () => register.metrics(),
  };
}

function instruments(register: Registry, prefix: string): Instruments {
  const base = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `${prefix}${name}`,
    help,
    labelNames: [...labelNames],
    registers: [register],
  });
  return {
    counter: (name, help, labels = []) => {
      const counter = new Counter(base(name, help, labels));
      return { add: (value, of = {}) => counter.inc(of, value), forget: (of) => forget(counter, of) };
    },
    gauge: (name, help, labels = []) => {
      const gauge = new Gauge(base(name, help, labels));
      return { set: (value, of = {}) => gauge.set(of, value), forget: (of) => forget(gauge, of) };
    },
    histogram: (name, help, buckets, labels = []) => {
      const histogram = new Histogram({ ...base(name, help, labels), buckets: [...buckets] });
      return { observe: (value, of = {}) => histogram.observe(of, value) };
    },
  };
}

/** Removes every series that has these labels, whatever others it has. */
async function forget(metric: Counter | Gauge, labels: Labels): Promise<void> {
  const { values } = await metric.get();
  for (const series of values) {
    if (Object.entries(labels).every(([name, value]) => series.labels[name] === value)) metric.remove(series.labels);
  }
}
