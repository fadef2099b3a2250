/** What a run shows: a table like that of `kubectl get counts`, lines of progress, and JSON. */
import type { SiteView } from '../edge-agent/src/site/view.ts';
import { alignColumns } from './table.ts';

export interface StreamReport {
  readonly namespace: string;
  readonly name: string;
  readonly view: SiteView | undefined;
  /** Why the stream failed. */
  readonly failure: { readonly reason: string; readonly sentence: string } | undefined;
}

export function resultTable(reports: readonly StreamReport[], ageSeconds: number): string {
  const rows = reports.map(({ name, view, failure }) => [
    name,
    ...[view?.in ?? 0, view?.out ?? 0, view?.inside ?? 0].map(String),
    failure === undefined ? 'True' : 'False',
    age(ageSeconds),
    ...(reports.some((report) => report.failure) ? [failure?.reason ?? ''] : []),
  ]);
  const header = ['NAME', 'IN', 'OUT', 'INSIDE', 'READY', 'AGE', ...(reports.some((r) => r.failure) ? ['REASON'] : [])];
  return alignColumns([header, ...rows]);
}

/** One row for each line and zone. */
export function lineTable(reports: readonly StreamReport[]): string {
  const rows = reports.flatMap(({ name, view }) => [
    ...(view?.lines ?? []).map((line) => [name, line.name, String(line.in), String(line.out), '']),
    ...(view?.zones ?? []).map((zone) => [name, zone.name, '', '', String(zone.occupancy)]),
  ]);
  return alignColumns([['STREAM', 'LINE/ZONE', 'IN', 'OUT', 'NOW'], ...rows]);
}

/** One line for each thing that makes the counts doubtful. */
export function findingLines(reports: readonly StreamReport[]): string {
  return reports
    .flatMap(({ name, view: { findings, doubtfulSeconds } = { findings: [], doubtfulSeconds: 0 } }) => {
      const past = doubtfulSeconds > 0 ? [`In all, the picture could not be used for ${Math.round(doubtfulSeconds)} s.`] : [];
      return [...findings.map(({ message }) => message), ...past].map((sentence) => `${name}: ${sentence}\n`);
    })
    .join('');
}

/** One line: position in the video, speed, counts, and what is wrong. */
export function progressLine({ name, view, failure }: StreamReport, elapsedSeconds: number): string {
  if (failure !== undefined) return `${name}: ${failure.reason}`;
  if (view === undefined || view.frames === 0) {
    return `${name}: ${view?.counter.sentence ?? view?.camera.sentence ?? (view?.counter.connected === true ? 'waiting for video' : 'starting')}`;
  }
  const lines = view.lines.map((line) => `${line.name} ${line.in} in ${line.out} out`);
  const zones = view.zones.map((zone) => `${zone.name} ${zone.occupancy} now`);
  const speed = view.finished ? 'done' : `${(view.seconds / Math.max(elapsedSeconds, 0.1)).toFixed(1)}x`;
  const camera = view.camera.sentence ?? (view.camera.connected ? undefined : 'camera not connected');
  const sentences = [...(camera === undefined ? [] : [camera]), ...view.findings.map(({ message }) => message)];
  const trouble = sentences.map((sentence) => `  (${sentence})`).join('');
  return `${name}: ${clock(view.seconds)} ${speed}  ${[...lines, ...zones].join(', ')}  inside ${view.inside}${trouble}`;
}

export function resultJson(reports: readonly StreamReport[]): string {
  const streams = reports.map(({ namespace, name, view, failure }) => ({
    name,
    namespace,
    in: view?.in ?? 0,
    out: view?.out ?? 0,
    inside: view?.inside ?? 0,
    lines: view?.lines ?? [],
    zones: view?.zones ?? [],
    frames: view?.frames ?? 0,
    gaps: view?.gaps.count ?? 0,
    gapSeconds: view?.gaps.seconds ?? 0,
    doubtfulSeconds: view?.doubtfulSeconds ?? 0,
    findings: view?.findings ?? [],
    ...(failure && { failure }),
  }));
  return JSON.stringify({ streams });
}

function age(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)}s` : `${Math.floor(seconds / 60)}m`;
}

export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
