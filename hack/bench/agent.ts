/** CPU and memory of the agent, which runs on a small machine beside the camera. */
import { liveRun } from './live.ts';
import type { Bench, Row } from './rows.ts';

const MOST_PERCENT = 3;
const MOST_MEGABYTES = 120;

export async function agent(bench: Bench): Promise<Row[]> {
  const { seconds, cpuMs, ownCpuMs, memory, sentBytes } = await liveRun(bench);
  const percent = (ms: number) => ms / seconds / 10;
  return [
    {
      what: 'CPU',
      value: percent(cpuMs),
      unit: '% of a core',
      target: { most: MOST_PERCENT },
      note: `over ${seconds.toFixed(0)} s, 10 fps, 640 wide`,
    },
    { what: 'of it Node', value: percent(ownCpuMs), unit: '% of a core' },
    {
      what: 'resident, Node and ffmpeg',
      value: memory.resident / 1e6,
      unit: 'MB',
      target: { most: MOST_MEGABYTES },
      note: 'sum of RSS, the highest',
    },
    { what: 'proportional, Node and ffmpeg', value: memory.proportional / 1e6, unit: 'MB', note: 'sum of PSS, the highest' },
    { what: 'anonymous, Node and ffmpeg', value: memory.anonymous / 1e6, unit: 'MB', note: 'not backed by files' },
    { what: 'video sent', value: (8 * sentBytes) / seconds / 1e6, unit: 'Mbit/s' },
  ].map((row) => ({ part: 'agent', ...row }));
}
