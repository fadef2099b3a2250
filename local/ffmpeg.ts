/**
 * Which ffmpeg local mode starts: the one of this machine, or the old one that npm brings. The only file that knows
 * @ffmpeg-installer.
 */
import process from 'node:process';
import { inspectFfmpeg } from '#proto/media/ffmpeg.ts';

export interface FfmpegNeeds {
  /** They ask for 5.1: 5.0 has known faults with RTSP, and older ones cannot read cameras as an agent does. */
  readonly cameras: boolean;
  /** The user accepts one below 5.1. */
  readonly allowOld: boolean;
  /** Path of the one that npm brings; undefined where it has none for this machine. */
  readonly packaged?: () => Promise<string | undefined>;
}

export interface FfmpegChoice {
  /** For the processes that start ffmpeg. */
  readonly environment: Readonly<Record<string, string>>;
  /** One sentence for the user, when it is not 5.1 or later. */
  readonly notice?: string;
}

const INSTALL = 'Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg';
const ALLOW_OLD = { FFMPEG_ALLOW_OLD: '1' };

/** @throws Error with one sentence when none will do. */
export async function chooseFfmpeg({ cameras, allowOld, packaged = packagedFfmpeg }: FfmpegNeeds): Promise<FfmpegChoice> {
  const found = await inspectFfmpeg().catch((error: Error) => error);
  const own = found instanceof Error ? undefined : found;
  if (own?.isOld === false) return { environment: {} };
  const isAcceptable = own !== undefined && (!cameras || own.readsCameras);
  if (isAcceptable && allowOld)
    return { environment: ALLOW_OLD, notice: `Using ffmpeg ${own.version}: it is older than 5.1, and --allow-old-ffmpeg accepts that.` };
  const named = process.env['FFMPEG_PATH'];
  const place = named ?? 'ffmpeg on PATH';
  const lack =
    found instanceof Error ? found.message.replace(/\.$/, '') : `Footfall needs ffmpeg 5.1 or later, and ${place} is ${found.version}`;
  // One that the user names is not replaced by another.
  const path = named === undefined && !cameras ? await packaged() : undefined;
  if (path === undefined) throw new Error(`${lack} (${INSTALL}${isAcceptable ? '; --allow-old-ffmpeg accepts this one' : ''}).`);
  const { version } = await inspectFfmpeg(path);
  return {
    environment: { FFMPEG_PATH: path, ...ALLOW_OLD },
    notice: `Using ffmpeg ${version}, which npm brings, because ${own ? `${place} is ${own.version}` : 'there is none on PATH'}; it does not notice that a Matroska file is cut short or that H.264 is damaged, and cameras need 5.1 or later.`,
  };
}

/** The package throws strings where it has no build, or where npm left it out. */
export async function packagedFfmpeg(): Promise<string | undefined> {
  try {
    return (await import('@ffmpeg-installer/ffmpeg')).default.path;
  } catch {
    return undefined;
  }
}
