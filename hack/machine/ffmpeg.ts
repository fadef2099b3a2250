/** Tests that ask more of ffmpeg than the old one that npm brings can do. */
import process from 'node:process';

/**
 * For `test(name, {skip: withoutFfmpeg('libx265'), ...)`. `npm test` sets the variable where it has to do with an old one.
 * @param feature what the old one lacks.
 */
export function withoutFfmpeg(feature: string): string | false {
  return process.env['FFMPEG_ALLOW_OLD'] === undefined ? false : `needs ffmpeg 5.1 or later (${feature})`;
}
