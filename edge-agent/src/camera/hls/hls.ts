/**
 * Live video over HTTP Live Streaming. The agent follows the playlist and gets each segment, all through the guard, for a playlist
 * may name any host; ffmpeg gets the segments' bytes on a pipe, one after the other.
 *
 * A segment that is no longer there, or does not continue the one before it, breaks the connection: the next one begins with the
 * newest segments, and the time between is declared. A playlist that ends, ends the video.
 */
import { pause } from '#proto/process/backoff.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { CameraFault, lostFault, silenceFault, unreadableFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { ContainerReader, recordedFault } from '../container.ts';
import { type Answer, get } from '../http/get.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { type Playlist, PlaylistError, parsePlaylist, type Segment } from './playlist.ts';

const MAX_PLAYLIST_BYTES = 1024 * 1024;
/** How many segments before the newest one a connection begins: enough to go on while the next one is made. */
const BEHIND = 2;
const MIN_POLL_SECONDS = 0.25;
/** A server that adds no segment for so many times the longest one's duration has stopped. */
const SILENT_DURATIONS = 4;
/** Segments arrive as a whole, 10 s long and more. */
const PATIENCE: PatienceOptions = { connectSeconds: 30, silenceSeconds: 60 };

export function hlsCamera(source: CameraSource, guard: Guard, patience: PatienceOptions = PATIENCE): Camera {
  const container = new ContainerReader(source.url);
  return {
    async *read(signal): AsyncGenerator<CameraItem> {
      const left = new AbortController();
      const patient = new Patience(source.url, patience, AbortSignal.any([signal, left.signal]));
      try {
        yield* container.read({ body: new Follower(source, guard, patient.signal).segments() }, patient);
      } finally {
        left.abort(new Error('the stream is left'));
      }
    },
  };
}

class Follower {
  readonly #source: CameraSource;
  readonly #guard: Guard;
  readonly #signal: AbortSignal;

  constructor(source: CameraSource, guard: Guard, signal: AbortSignal) {
    this.#source = source;
    this.#guard = guard;
    this.#signal = signal;
  }

  /** The segments' bytes, one after the other. Ends with the playlist. @throws CameraFault */
  async *segments(): AsyncGenerator<Buffer> {
    let own: string | undefined;
    let { playlist, url } = await this.#playlist(own);
    if (playlist.kind === 'master') {
      own = this.#resolve(playlist.variants[0]!, url);
      ({ playlist, url } = await this.#playlist(own));
    }
    let next: number | undefined;
    let map: string | undefined;
    for (let changedAt = performance.now(); ; { playlist, url } = await this.#playlist(own)) {
      if (playlist.kind === 'master') throw this.#unreadable('its playlist lists playlists that list playlists');
      const { segments, targetSeconds, ended } = playlist;
      if (ended && next === undefined) throw recordedFault(this.#source.url, 'has an end, by its playlist');
      next ??= segments.at(-BEHIND)?.number ?? segments[0]?.number;
      const fresh = segments.filter(({ number }) => number >= next!);
      if (next !== undefined && (segments[0]?.number ?? next) > next) throw lostFault(this.#source.url);
      for (const segment of fresh) {
        const { map: needed = '' } = segment;
        if (map !== undefined && (segment.discontinuous || needed !== map)) throw lostFault(this.#source.url);
        yield* this.#bytes(segment, map === undefined, url);
        map = needed;
        next = segment.number + 1;
        changedAt = performance.now();
      }
      if (ended) return;
      const silentSeconds = SILENT_DURATIONS * targetSeconds;
      if (performance.now() - changedAt > silentSeconds * 1000) throw silenceFault(this.#source.url, silentSeconds, next !== undefined);
      if (fresh.length === 0) await pause(Math.max(MIN_POLL_SECONDS, targetSeconds / 4), this.#signal);
      this.#signal.throwIfAborted();
    }
  }

  async *#bytes({ uri, map }: Segment, first: boolean, playlist: string): AsyncGenerator<Buffer> {
    for (const part of first && map !== undefined ? [map, uri] : [uri]) {
      const { message: answer } = await this.#get(this.#resolve(part, playlist));
      try {
        yield* answer;
      } catch {
        throw lostFault(this.#source.url);
      } finally {
        answer.destroy();
      }
    }
  }

  async #playlist(own: string | undefined): Promise<{ playlist: Playlist; url: string }> {
    const { message: answer, url } = await this.#get(own);
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_PLAYLIST_BYTES) throw this.#unreadable('its playlist has no end');
      }
      return { playlist: parsePlaylist(Buffer.concat(chunks).toString()), url };
    } catch (error) {
      if (error instanceof PlaylistError) throw this.#unreadable(error.message);
      throw error instanceof CameraFault ? error : lostFault(this.#source.url);
    } finally {
      answer.destroy();
    }
  }

  #get(url: string | undefined): Promise<Answer> {
    return get(this.#source, this.#guard, this.#signal, { url });
  }

  /** @throws CameraFault for what is no address of the web. */
  #resolve(uri: string, base: string): string {
    const url = URL.parse(uri, base);
    if (url === null || !['http:', 'https:'].includes(url.protocol) || (url.protocol === 'http:' && base.startsWith('https:')))
      throw new CameraFault('CameraForbidden', `${scrub(this.#source.url)} is not read: its playlist leads to another protocol.`);
    return url.href;
  }

  #unreadable(why: string): CameraFault {
    return unreadableFault(this.#source.url, new Error(why));
  }
}
