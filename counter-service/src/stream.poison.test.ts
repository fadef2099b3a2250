/** Video that kills its decoder: over real gRPC, with an ffmpeg that dies of, or stops at, what is marked as poison. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asBuffer } from '#proto/protocol.ts';
import { type Clip, readClip } from './fixtures/clip.ts';
import { plainDoor as door, plainService } from './fixtures/plain-service.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';

const POISON = 'poison for decoders';
const folder = mkdtempSync(join(tmpdir(), 'footfall-poison-'));
let clip: Clip;
before(async () => {
  clip = await readClip();
  const path = join(folder, 'ffmpeg');
  // Between it and its input stands a filter that ends it at the mark.
  writeFileSync(path, `#!${process.execPath}
const { spawn } = require('node:child_process');
const child = spawn('/usr/bin/env', ['ffmpeg', ...process.argv.slice(2)], { stdio: ['pipe', 'inherit', 'inherit'], env: { ...process.env, PATH: ${JSON.stringify(process.env['PATH'])} } });
child.stdin.on('error', () => {});
process.stdin.on('data', (bytes) => {
  if (bytes.includes(${JSON.stringify(POISON)})) { child.kill('SIGKILL'); process.exit(139); }
  child.stdin.write(bytes);
}).on('end', () => child.stdin.end());
child.on('exit', (code) => process.exit(code ?? 1));
process.on('SIGTERM', () => child.kill('SIGKILL'));
`);
  chmodSync(path, 0o755);
  process.env['FFMPEG_PATH'] = path;
});
after(() => {
  delete process.env['FFMPEG_PATH'];
  rmSync(folder, { recursive: true });
});

test('one group of pictures that kills every decoder is left out and declared, and what follows is counted', async (context) => {
  const { port } = await plainService(context);
  const keyframes = clip.units.flatMap((unit, index) => (unit.keyframe ? [index] : []));
  const poisoned = keyframes[1]! + 2;
  const sick: Clip = { ...clip, units: clip.units.map((unit, index) => (index === poisoned ? { ...unit, data: asBuffer(Buffer.from(POISON)) } : unit)) };
  const agent = new PlayedAgent(port, door);
  agent.resume(sick);
  await agent.send(sick, keyframes[4]!);
  agent.end();
  await agent.until(({ finished }) => finished);
  const { counts } = agent.heard;
  assert.equal(counts?.position, keyframes[4]);
  // The rest of the group before may go with it: a decoder reads ahead of what it has shown.
  const micros = (index: number) => clip.units[keyframes[index]!]!.presentationMicros;
  assert.ok(counts !== undefined && counts.gapMicros >= micros(2) - micros(1) && counts.gapMicros < micros(3), `${counts?.gapMicros}`);
});

test('video that kills every decoder is refused after three groups, and the next call begins after them', async (context) => {
  const { port } = await plainService(context);
  const sick: Clip = { ...clip, units: clip.units.map((unit) => ({ ...unit, data: asBuffer(Buffer.from(POISON)) })) };
  const agent = new PlayedAgent(port, door);
  agent.resume(sick);
  void agent.send(sick, 150).catch(() => undefined);
  await agent.until(({ refusal, over }) => refusal !== undefined && over);
  assert.equal(agent.heard.refusal?.reason, 'UNDECODABLE');
  const again = new PlayedAgent(port, door, { lastTerm: 1 });
  await again.until(({ welcome }) => welcome !== undefined);
  assert.ok((again.heard.welcome?.position ?? 0) > 0);
  again.hangUp();
});
