/**
 * Which ffmpeg local mode starts: the one of this machine, or the old one that npm brings. The only file that knows
 * @ffmpeg-installer.
 */
import process from 'node:process';
import { inspectFfmpeg } from '#proto/media/ffmpeg.ts';

export interface FfmpegNeeds {
  /** Versions below 5.1 have known faults with RTSP. */
  readonly cameras: boolean;
  /** The user accepts them. */
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
  const own = await inspectFfmpeg().catch((error: Error) => error);
  const isThere = !(own instanceof Error);
  if (isThere && !own.isOld) return { environment: {} };
  const named = process.env['FFMPEG_PATH'];
  const place = named ?? 'ffmpeg on PATH';
  if (isThere && allowOld)
    return { environment: ALLOW_OLD, notice: `Using ffmpeg ${own.version}: it is older than 5.1, and --allow-old-ffmpeg accepts that.` };
  const lack = isThere ? `Footfall needs ffmpeg 5.1 or later, and ${place} is ${own.version}` : own.message.replace(/\.$/, '');
  // One that the user names is not replaced by another.
  const path = named === undefined ? await packaged() : undefined;
  if (path === undefined) throw new Error(`${lack} (${INSTALL}).`);
  if (cameras && !allowOld)
    throw new Error(`${lack} (${INSTALL}). For files an older one will do; --allow-old-ffmpeg uses it for cameras, too.`);
  const { version } = await inspectFfmpeg(path);
  return {
    environment: { FFMPEG_PATH: path, ...ALLOW_OLD },
    notice: `Using ffmpeg ${version}, which npm brings, because ${isThere ? `${place} is ${own.version}` : 'there is none on PATH'}; cameras need 5.1 or later.`,
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
