/** Playlists of HTTP Live Streaming, as far as one live video needs them (RFC 8216, section 4). */

export interface Segment {
  /** Relative to the playlist. */
  readonly uri: string;
  readonly number: number;
  readonly seconds: number;
  /** What a decoder must have before it. */
  readonly map: string | undefined;
  /** Whether its times or its coding do not continue those of the segment before it. */
  readonly discontinuous: boolean;
}

export type Playlist =
  /** Of one video in several qualities. */
  | { readonly kind: 'master'; readonly variants: readonly string[] }
  | { readonly kind: 'media'; readonly segments: readonly Segment[]; readonly targetSeconds: number; readonly ended: boolean };

/** The message is half a sentence. */
export class PlaylistError extends Error {
  override readonly name = 'PlaylistError';
}

/** @throws PlaylistError */
export function parsePlaylist(text: string): Playlist {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U') throw new PlaylistError('there is no HLS playlist');
  return lines.some((line) => line.startsWith('#EXT-X-STREAM-INF')) ? parseMaster(lines) : parseMedia(lines);
}

function parseMaster(lines: readonly string[]): Playlist {
  const variants = lines.flatMap((line, index) => {
    if (!line.startsWith('#EXT-X-STREAM-INF')) return [];
    // A variant that lists its codecs and has no video among them is sound alone.
    const codecs = attribute(line, 'CODECS');
    const isSound = codecs !== undefined && !/avc|hvc|hev|vp0?[89]|av01|mp4v/i.test(codecs);
    const uri = lines.slice(index + 1).find((next) => !next.startsWith('#'));
    return isSound || uri === undefined ? [] : [uri];
  });
  if (variants.length === 0) throw new PlaylistError('its playlist lists no video');
  return { kind: 'master', variants };
}

function parseMedia(lines: readonly string[]): Playlist {
  const value = (tag: string) => lines.find((line) => line.startsWith(`${tag}:`))?.slice(tag.length + 1);
  const first = Number(value('#EXT-X-MEDIA-SEQUENCE') ?? 0);
  const targetSeconds = Number(value('#EXT-X-TARGETDURATION'));
  if (!Number.isSafeInteger(first) || !(targetSeconds > 0 && targetSeconds <= 3600))
    throw new PlaylistError('its playlist has no valid durations');
  const segments: Segment[] = [];
  let [map, seconds, discontinuous]: [string | undefined, number, boolean] = [undefined, NaN, false];
  for (const line of lines) {
    if (line.startsWith('#EXT-X-KEY:') && attribute(line, 'METHOD') !== 'NONE') throw new PlaylistError('its video is encrypted');
    if (line.startsWith('#EXT-X-BYTERANGE:') || (line.startsWith('#EXT-X-MAP:') && attribute(line, 'BYTERANGE') !== undefined))
      throw new PlaylistError('its playlist names parts of files, which are not read');
    if (line.startsWith('#EXT-X-MAP:')) map = attribute(line, 'URI');
    if (line === '#EXT-X-DISCONTINUITY') discontinuous = true;
    if (line.startsWith('#EXTINF:')) seconds = parseFloat(line.slice('#EXTINF:'.length));
    if (line.startsWith('#') || !(seconds >= 0)) continue;
    segments.push({ uri: line, number: first + segments.length, seconds, map, discontinuous });
    [seconds, discontinuous] = [NaN, false];
  }
  return { kind: 'media', segments, targetSeconds, ended: lines.includes('#EXT-X-ENDLIST') };
}

function attribute(line: string, name: string): string | undefined {
  const found = new RegExp(`[:,]\\s*${name}=(?:"([^"]*)"|([^,]*))`).exec(line);
  return found?.[1] ?? found?.[2];
}
