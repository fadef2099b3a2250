/** Watches every state of a namespace's streams, and knows when their cameras started to play. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiFault, resources } from '#crds/cluster/api.ts';
import type { CameraStream, CountsStatus } from '#crds/schema.ts';
import { gapsOf, judge, type Judgement } from './played.ts';
import type { World } from './scenario.ts';

/** The ledger's time before the first commit. */
const NEVER = '0001-01-01T00:00:00Z';
const AGAIN_MS = 200;

export class Witness {
  readonly #world: World;
  readonly #begin = new Date().toISOString();
  readonly #stop = new AbortController();
  readonly #seen = new Map<string, CountsStatus[]>();
  readonly #watching: Promise<void>;

  /** Starts to watch. */
  constructor(world: World) {
    this.#world = world;
    this.#watching = this.#watch(AbortSignal.any([world.signal, this.#stop.signal]));
    // `close` awaits it and throws its error.
    this.#watching.catch(() => {});
  }

  /**
   * Compares all commits of the stream with what its camera `loop/NAMESPACE-NAME` played.
   * @throws Error with a sentence when they differ, or totals ever decreased.
   */
  async judge(name: string): Promise<Judgement & { readonly gapSeconds: number; readonly reasons: readonly string[] }> {
    const { eventually, streams } = this.#world;
    await eventually(`${name}'s newest counts were seen`, 10, async () =>
      assert.deepEqual(this.#seen.get(name)?.at(-1), (await streams.get(name)).status?.counts),
    );
    const counts = this.#seen.get(name)!;
    for (const [index, { in: entered, out }] of counts.slice(1).entries()) {
      assert.ok(
        entered >= counts[index]!.in && out >= counts[index]!.out,
        `${name}'s totals went back: ${counts[index]!.in} in ${counts[index]!.out} out, then ${entered} in ${out} out`,
      );
    }
    const commits = counts.map(({ time, lines }) => ({
      time: Date.parse(time),
      totals: Object.fromEntries(lines.map((line) => [line.name, line.in + line.out])),
    }));
    const observation = { starts: await this.#starts(name), gaps: gapsOf(counts), commits };
    try {
      const reasons = [...new Set(counts.flatMap(({ gaps }) => gaps.last?.reason ?? []))];
      return { ...judge(observation), gapSeconds: counts.at(-1)!.gaps.seconds, reasons };
    } catch (error) {
      // The observation explains the error.
      throw new Error(`${name}: ${(error as Error).message}\n${JSON.stringify(observation)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('enough was seen'));
    await this.#watching.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#watchOnce(signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // The API server does not serve a CRD for a moment while it is updated.
        if (!(error instanceof ApiFault)) throw error;
      });
      await sleep(AGAIN_MS, undefined, { signal });
    }
  }

  async #watchOnce(signal: AbortSignal): Promise<void> {
    const { api, namespace } = this.#world;
    const { metadata, items } = await api.list<CameraStream>(resources.cameraStreams, { namespace }, signal);
    for (const stream of items) this.#note(stream);
    for await (const { type, object } of api.watch<CameraStream>(
      resources.cameraStreams,
      { namespace, resourceVersion: metadata.resourceVersion! },
      signal,
    )) {
      if (type === 'ADDED' || type === 'MODIFIED') this.#note(object);
    }
  }

  #note({ metadata: { name }, status }: CameraStream): void {
    const { counts } = status ?? {};
    if (counts === undefined || counts.time === NEVER) return;
    const seen = this.#seen.get(name) ?? [];
    if (JSON.stringify(counts) !== JSON.stringify(seen.at(-1))) this.#seen.set(name, [...seen, counts]);
  }

  /** From the camera's log since this run began: its player publishes when the first client connects. */
  async #starts(name: string): Promise<number[]> {
    const { kubectl, namespace } = this.#world;
    const log = await kubectl(['logs', '--namespace=cameras', 'deployment/camera', '--timestamps', `--since-time=${this.#begin}`]);
    const begins = log.split('\n').filter((line) => line.includes(`is publishing to path 'loop/${namespace}-${name}'`));
    return begins.map((line) => Date.parse(line.slice(0, line.indexOf(' '))));
  }
}
