/** The panels of the Grafana dashboard; generates files/dashboard.json of the chart. */

interface Panel {
  readonly title: string;
  readonly kind: 'stat' | 'timeseries';
  /** PromQL by legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** Grafana's name of a unit. */
  readonly unit?: string;
}

/** The panels of a row share its 24 columns. */
interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const ofStreams = '{stream=~"$stream"}';
const ofOperator = '{controller=~"camerastream|pool"}';
const lostUnits = `increase(footfall_agent_gap_access_units_total${ofStreams}[$__rate_interval])`;
const reconcileRate = `rate(controller_runtime_reconcile_total${ofOperator}[$__rate_interval])`;
const perFrame = (histogram: string) => `sum(rate(${histogram}_sum[$__rate_interval])) / sum(rate(${histogram}_count[$__rate_interval]))`;
const quantile = (part: number, histogram: string) => `histogram_quantile(${part}, sum by (le) (rate(${histogram}[$__rate_interval])))`;

const rows: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      { title: 'Streams that are counted', kind: 'stat', queries: { '': 'sum(footfall_counter_streams)' } },
      { title: 'Cameras without video', kind: 'stat', queries: { '': 'count(footfall_agent_camera_up == 0) or vector(0)' } },
      { title: 'Streams without a counter', kind: 'stat', queries: { '': 'count(footfall_agent_counter_up == 0) or vector(0)' } },
      {
        title: 'Access units lost in a day',
        kind: 'stat',
        queries: { '': 'sum(increase(footfall_agent_gap_access_units_total[1d])) or vector(0)' },
      },
      { title: 'Operators that lead', kind: 'stat', queries: { '': 'sum(leader_election_master_status{name="footfall-operator"})' } },
    ],
  },
  {
    title: 'People',
    panels: [
      {
        title: 'Counted since the stream was created',
        kind: 'timeseries',
        queries: { '{{stream}} {{direction}}': `sum by (stream, direction) (footfall_agent_people${ofStreams})` },
      },
      { title: 'In zones', kind: 'timeseries', queries: { '{{stream}} {{zone}}': `footfall_agent_zone_occupancy${ofStreams}` } },
    ],
  },
  {
    title: 'Video',
    panels: [
      {
        title: 'Video received',
        kind: 'timeseries',
        unit: 'bps',
        queries: { '{{stream}}': `8 * sum by (stream) (rate(footfall_counter_access_unit_bytes_total${ofStreams}[$__rate_interval]))` },
      },
      {
        title: 'From sending to counts at the site',
        kind: 'timeseries',
        unit: 's',
        queries: {
          median: quantile(0.5, `footfall_agent_latency_seconds_bucket${ofStreams}`),
          'slowest 1%': quantile(0.99, `footfall_agent_latency_seconds_bucket${ofStreams}`),
        },
      },
      { title: 'Not counted yet', kind: 'timeseries', unit: 's', queries: { '{{stream}}': `footfall_counter_lag_seconds${ofStreams}` } },
      {
        title: 'Lost in gaps',
        kind: 'timeseries',
        queries: {
          '{{stream}} {{reason}}': `sum by (stream, reason) (${lostUnits})`,
        },
      },
    ],
  },
  {
    title: 'Agents',
    panels: [
      {
        title: 'Video kept for replay',
        kind: 'timeseries',
        unit: 's',
        queries: { '{{stream}}': `footfall_agent_ring_seconds${ofStreams}` },
      },
      { title: 'Camera connects', kind: 'timeseries', queries: { '{{stream}}': `footfall_agent_camera_connects${ofStreams}` } },
      {
        title: 'Memory',
        kind: 'timeseries',
        unit: 'bytes',
        queries: { '{{namespace}}/{{pod}}': 'process_resident_memory_bytes and on (namespace, pod) footfall_agent_camera_up' },
      },
    ],
  },
  {
    title: 'Counters',
    panels: [
      { title: 'Streams', kind: 'timeseries', queries: { '{{pod}}': 'footfall_counter_streams' } },
      {
        title: 'Frames',
        kind: 'timeseries',
        queries: { '{{fate}}': 'sum by (fate) (rate(footfall_counter_frames_total[$__rate_interval]))' },
      },
      {
        title: 'CPU',
        kind: 'timeseries',
        unit: 'ms',
        queries: {
          'decoder, an access unit': perFrame('footfall_counter_decode_cpu_milliseconds'),
          'model, a frame': perFrame('footfall_counter_inference_cpu_milliseconds'),
          'tracking, a frame': perFrame('footfall_counter_tracking_milliseconds'),
        },
      },
      {
        title: 'Frames in a run of the model',
        kind: 'timeseries',
        queries: { average: perFrame('footfall_counter_inference_batch_size') },
      },
      {
        title: 'Memory',
        kind: 'timeseries',
        unit: 'bytes',
        queries: { '{{pod}}': 'process_resident_memory_bytes and on (namespace, pod) footfall_counter_streams' },
      },
    ],
  },
  {
    title: 'Ledger and refusals',
    panels: [
      {
        title: 'Writes of counts',
        kind: 'timeseries',
        unit: 'ops',
        queries: { '{{result}}': 'sum by (result) (rate(footfall_counter_ledger_writes_total[$__rate_interval]))' },
      },
      {
        title: 'Calls refused',
        kind: 'timeseries',
        unit: 'ops',
        queries: { '{{reason}}': 'sum by (reason) (rate(footfall_counter_refusals_total[$__rate_interval]))' },
      },
      {
        title: 'Decoders that died',
        kind: 'timeseries',
        queries: { '{{stream}}': `increase(footfall_counter_decoder_deaths_total${ofStreams}[$__rate_interval])` },
      },
    ],
  },
  {
    title: 'Operator',
    panels: [
      {
        title: 'Passes',
        kind: 'timeseries',
        unit: 'ops',
        queries: {
          '{{controller}} {{result}}': `sum by (controller, result) (${reconcileRate})`,
        },
      },
      {
        title: 'The slowest 1% of passes',
        kind: 'timeseries',
        unit: 's',
        queries: { '': quantile(0.99, `controller_runtime_reconcile_time_seconds_bucket${ofOperator}`) },
      },
      { title: 'Keys that wait', kind: 'timeseries', queries: { '{{pod}} {{controller}}': `workqueue_depth${ofOperator}` } },
      {
        title: 'Views interrupted',
        kind: 'timeseries',
        queries: {
          '{{resource}} {{reason}}':
            'sum by (resource, reason) (increase(footfall_operator_interruptions_total{reason!="Closed"}[$__rate_interval]))',
        },
      },
    ],
  },
];

const COLUMNS = 24;
const HEIGHTS = { stat: 4, timeseries: 8 };
const datasource = { type: 'prometheus', uid: '${datasource}' };

export function dashboardText(): string {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: inRow } of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] });
    const w = Math.floor(COLUMNS / inRow.length);
    const h = Math.max(...inRow.map(({ kind }) => HEIGHTS[kind]));
    inRow.forEach((panel, index) => panels.push(panelOf(panel, panels.length + 1, { x: index * w, y: y + 1, w, h })));
    y += 1 + h;
  }
  const dashboard = {
    uid: 'footfall',
    title: 'Footfall',
    tags: ['footfall'],
    editable: true,
    schemaVersion: 39,
    refresh: '30s',
    timezone: 'browser',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        {
          name: 'stream',
          label: 'Stream',
          type: 'query',
          datasource,
          query: 'label_values(footfall_agent_camera_up, stream)',
          refresh: 2,
          sort: 1,
          multi: true,
          includeAll: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
  };
  // A line for each panel, so that a diff shows which panel changed.
  const head = JSON.stringify(dashboard, undefined, 2).slice(0, -2);
  return `${head},\n  "panels": [\n${panels.map((panel) => `    ${JSON.stringify(panel)}`).join(',\n')}\n  ]\n}\n`;
}

function panelOf({ title, kind, queries, unit = 'short' }: Panel, id: number, gridPos: object): object {
  const targets = Object.entries(queries).map(([legendFormat, expr], index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource,
    expr,
    legendFormat,
  }));
  return { id, type: kind, title, gridPos, datasource, fieldConfig: { defaults: { unit, min: 0 }, overrides: [] }, targets };
}

/** Every query, for the test that its metrics exist. */
export function dashboardQueries(): string[] {
  return rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => Object.values(queries)));
}
