/**
 * Runs a command. Where this machine has no ffmpeg 5.1 or later, the command finds the old one on its PATH that npm brings:
 * so `npm test` needs npm alone, and tests that ask more of ffmpeg are skipped (see ffmpeg.ts).
 *
 *   node hack/machine/with-ffmpeg.ts COMMAND [ARGUMENT...]
 */
import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import process from 'node:process';
import { inspectFfmpeg } from '#proto/media/ffmpeg.ts';
import { packagedFfmpeg } from '../../local/ffmpeg.ts';

const isOld = await inspectFfmpeg().then(
  (program) => program.isOld,
  () => true,
);
const packaged = isOld ? await packagedFfmpeg() : undefined;
if (packaged !== undefined) {
  process.stderr.write('There is no ffmpeg 5.1 or later: the old one that npm brings is used, and some tests are skipped.\n');
  process.env['PATH'] = `${dirname(packaged)}${delimiter}${process.env['PATH'] ?? ''}`;
  process.env['FFMPEG_ALLOW_OLD'] = '1';
}
const [command = '', ...args] = process.argv.slice(2);
process.exitCode = spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;
