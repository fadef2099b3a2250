/** How long a killed process, or a counter that has to end, interrupts counting. */
import { killThem } from '../trials/killed.ts';
import { type Bench, median, type Row } from './rows.ts';

export async function killed(bench: Bench): Promise<Row[]> {
  const { counter, agent, moves } = await killThem(bench);
  return [
    ...rowsOf('counter: counting again', counter.again, { most: 3 }),
    ...rowsOf('counter: caught up', counter.caughtUp, { most: 10 }),
    ...rowsOf("counter: replay, times the camera's speed", counter.speed, { least: 4 }, ''),
    { what: 'counter: gaps', value: counter.declared.filter((seconds) => seconds > 0).length, unit: '', target: { most: 0 } },
    ...rowsOf('agent: reading again', agent.again, { most: 5 }),
    ...rowsOf('agent: declared as not seen', agent.declared, { most: 5 }),
    ...rowsOf("counter told to end: GoAway to the next one's welcome", moves, { most: 1 }),
  ].map((row) => ({ part: 'killed', ...row }));
}

function rowsOf(what: string, values: readonly number[], target: NonNullable<Row['target']>, unit = 's'): Omit<Row, 'part'>[] {
  const note = `of ${values.length} times`;
  return [
    { what: `${what}, median`, value: median(values), unit, target, note },
    { what: `${what}, worst`, value: 'most' in target ? Math.max(...values) : Math.min(...values), unit, note },
  ];
}
