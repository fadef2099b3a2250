/** Runs the whole product on the annotated video: agent, gRPC, counter, model; with all lines, and with each line alone. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCameraStreams } from '#crds/load.ts';
import type { LineSpec } from '../../counter-service/src/counting/layout.ts';
import { readOptions } from '../../local/options.ts';
import { countLocally } from '../../local/run.ts';
import type { TimedCrossing } from './matching.ts';
import type { Sequence } from './report.ts';

export interface PipelineCrossings {
  /** One stream with every line, default settings. */
  readonly together: readonly TimedCrossing[];
  /** One stream for each line, default settings: the detector analyses only the region of that line. */
  readonly alone: readonly TimedCrossing[];
}

export async function pipelineCrossings(video: string, sequence: Sequence, signal: AbortSignal): Promise<PipelineCrossings> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-accuracy-'));
  try {
    const streams = [
      streamOf('together', video, sequence.lines),
      ...sequence.lines.map((line, i) => streamOf(`alone-${i}`, video, [line])),
    ];
    const file = join(folder, 'streams.yaml');
    const events = join(folder, 'events.jsonl');
    // YAML is a superset of JSON.
    await writeFile(file, streams.map((stream) => JSON.stringify(stream)).join('\n---\n'));
    const options = readOptions([file, '--events', events, '--quiet']);
    const { exitCode, reports } = await countLocally(loadCameraStreams([file]).streams, options, signal, {
      show: () => undefined,
      say: () => undefined,
    });
    if (exitCode !== 0) throw new Error(reports.map((report) => report.failure?.sentence).find(Boolean) ?? 'The run failed.');
    const crossings = (await readFile(events, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as TimedCrossing & { stream: string });
    const named = crossings.map((crossing) => ({ ...crossing, line: lineNamed(crossing.line, sequence.lines) }));
    return {
      together: named.filter(({ stream }) => stream === 'together'),
      alone: named.filter(({ stream }) => stream !== 'together'),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function streamOf(name: string, video: string, lines: readonly LineSpec[]): object {
  const whole = ({ x, y }: { x: number; y: number }) => ({ x: Math.round(x), y: Math.round(y) });
  return {
    apiVersion: 'footfall.dev/v1alpha1',
    kind: 'CameraStream',
    metadata: { name },
    spec: {
      source: { url: video },
      lines: lines.map((line) => ({ name: line.name.toLowerCase(), from: whole(line.from), to: whole(line.to) })),
    },
  };
}

function lineNamed(name: string, lines: readonly LineSpec[]): string {
  return lines.find((line) => line.name.toLowerCase() === name)!.name;
}
