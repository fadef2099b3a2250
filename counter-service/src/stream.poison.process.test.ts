/** Video that kills its decoder: over real gRPC, with an ffmpeg that dies of, or stops at, what is marked as poison. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asBuffer } from '#proto/wire/codec.ts';
import { type Clip, readClip } from './fixtures/clip.ts';
import { plainDoor as door, plainService, plainSpec } from './fixtures/plain-service.ts';
import { type Heard, PlayedAgent } from './fixtures/played-agent.ts';

const POISON = 'poison for decoders';
const folder = mkdtempSync(join(tmpdir(), 'footfall-poison-'));
let clip: Clip;
before(async () => {
  clip = await readClip();
  const path = join(folder, 'ffmpeg');
  // Between it and its input stands a filter that ends it at the mark.
  writeFileSync(
    path,
    `#!${process.execPath}
const { spawn } = require('node:child_process');
const child = spawn('/usr/bin/env', ['ffmpeg', ...process.argv.slice(2)], { stdio: ['pipe', 'inherit', 'inherit'], env: { ...process.env, PATH: ${JSON.stringify(process.env['PATH'])} } });
child.stdin.on('error', () => {});
process.stdin.on('data', (bytes) => {
  if (bytes.includes(${JSON.stringify(POISON)})) { child.kill('SIGKILL'); process.exit(139); }
  child.stdin.write(bytes);
}).on('end', () => child.stdin.end());
child.on('exit', (code) => process.exit(code ?? 1));
process.on('SIGTERM', () => child.kill('SIGKILL'));
`,
  );
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
  const sick: Clip = {
    ...clip,
    units: clip.units.map((unit, index) => (index === poisoned ? { ...unit, data: asBuffer(Buffer.from(POISON)) } : unit)),
  };
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

/** Its first group of pictures is larger than what a counter keeps: to each access unit belongs a megabyte that says nothing. */
const large = ({ codec, units }: Clip): Clip => ({
  codec,
  units: units.slice(0, 80).map((unit, index) => ({
    ...unit,
    keyframe: index === 0 || (index >= LARGE && unit.keyframe),
    data: asBuffer(Buffer.concat([unit.data, filler])),
  })),
});
const LARGE = 60;
const filler = Buffer.alloc(2 ** 20, 0xff);
filler.writeUInt32BE(filler.length - 4);
filler[4] = 12; // NAL unit type of filler data, of which ff is the content, and 80 the end
filler[filler.length - 1] = 0x80;

/** As an agent does that was sent away: from the keyframe before what is counted, with the checkpoint. */
async function callAgain(port: number, video: Clip, { checkpoint, welcome }: Heard): Promise<PlayedAgent> {
  const agent = new PlayedAgent(port, door, { lastTerm: welcome!.term });
  agent.resume(video, Buffer.from(checkpoint!));
  await agent.until(({ welcome: other }) => other !== undefined);
  return agent;
}

test(
  'a group of pictures that is too large to be decoded anew is sent again, and nothing of it is lost',
  { timeout: 60_000 },
  async (context) => {
    const { port, spec, reports } = await plainService(context);
    const video = large(clip);
    const first = new PlayedAgent(port, door);
    first.resume(video);
    await first.send(video, 45);
    // At another rate it takes another decoder.
    spec.become({ spec: { ...plainSpec, detection: { ...plainSpec.detection, framesPerSecond: 5 } }, generation: 2 });
    void first.send(video, 50).catch(() => undefined);
    await first.until(({ goAway, over }) => goAway !== undefined && over);
    assert.equal(reports.at(-1)?.reason, 'SentAgain');
    const second = await callAgain(port, video, first.heard);
    assert.ok(second.heard.welcome!.position >= 40);
    await second.send(video, 80);
    second.end();
    await second.until(({ finished }) => finished);
    assert.deepEqual([second.heard.counts?.position, second.heard.counts?.frames, second.heard.counts?.gaps], [80, 80, 0]);
  },
);

test(
  'one that kills its decoders, too, is sent again while something new of it is counted, and then given up',
  { timeout: 60_000 },
  async (context) => {
    const { port } = await plainService(context);
    const video = large(clip);
    const sick: Clip = {
      ...video,
      units: video.units.map((unit, index) => (index === 50 ? { ...unit, data: asBuffer(Buffer.from(POISON.repeat(3))) } : unit)),
    };
    const first = new PlayedAgent(port, door);
    first.resume(sick);
    void first.send(sick, 80).catch(() => undefined);
    await first.until(({ goAway, over }) => goAway !== undefined && over);
    let agent = first;
    for (let calls = 1; agent.heard.goAway !== undefined && calls < 9; calls += 1) {
      const next = await callAgain(port, sick, agent.heard);
      void next.send(sick, 80).then(
        () => next.end(),
        () => undefined,
      );
      await next.until(({ finished, goAway, over }) => finished || (goAway !== undefined && over));
      agent = next;
    }
    const { counts } = agent.heard;
    assert.deepEqual([counts?.position, counts?.gaps], [80, 1]);
    // From the last picture that a decoder showed before it read the poison to the next group.
    assert.ok(counts!.gapMicros >= 0.9e6 && counts!.gapMicros <= 6e6, `${counts?.gapMicros}`);
  },
);

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
