/** Inside a process under trial: counts the points that it passes, and carries out its order. */
import fs from 'node:fs';
import process from 'node:process';
import type { Note } from '../notes.ts';
import type { Instructions, Point } from '../points.ts';

export const instructions = JSON.parse(process.env['FOOTFALL_TRIAL']!) as Instructions;

/** How many writes fail in a row. */
const FULL_WRITES = 30;
/** A written message needs a moment to leave the process. */
const LEAVING_MS = 10;

const passes = new Map<Point, number>();
let fullWrites = 0;

/** Synchronous, so that the note is written before the process can be killed. */
export function note(what: Note): void {
  fs.appendFileSync(instructions.notes, `${JSON.stringify({ ...what, at: Date.now() })}\n`);
}

/** Before or during a step: carries out the order here. @throws ENOSPC */
export function pass(point: Point): void {
  if (due(point)) act(point);
  if (instructions.order?.act !== 'full' || instructions.order.point !== point || fullWrites === 0) return;
  fullWrites -= 1;
  throw Object.assign(new Error('ENOSPC: of this trial'), { code: 'ENOSPC' });
}

/** After a message was sent: carries out the order when the message has left. */
export function passSent(point: Point): void {
  if (due(point)) setTimeout(() => act(point), LEAVING_MS);
}

/** Counts a pass. @returns whether the order is for this one. */
export function due(point: Point): boolean {
  const times = (passes.get(point) ?? 0) + 1;
  passes.set(point, times);
  const { order } = instructions;
  return order?.point === point && order.nth === times;
}

export function act(point: Point): void {
  const deed = instructions.order!.act;
  note({ acted: point, deed });
  if (deed === 'full') fullWrites = FULL_WRITES;
  else process.kill(process.pid, deed === 'kill' ? 'SIGKILL' : 'SIGSTOP');
}
