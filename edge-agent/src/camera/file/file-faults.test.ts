/** What ffmpeg 5.1 really said about files, and the fault that follows. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exited } from '../../fixtures/exit.ts';
import type { FaultReason } from '../faults.ts';
import { fileVerdict, openFault } from './file-faults.ts';

const FILE = '/video/hall.mp4';

interface Case {
  readonly said: string;
  readonly reason: FaultReason;
  readonly sentence: string;
  readonly badInput: boolean;
}

suite('a file that does not open', () => {
  const cases: Record<string, Case> = {
    'not there': {
      said: `[error] file:${FILE}: No such file or directory`,
      reason: 'FileMissing',
      sentence: `There is no file ${FILE}.`,
      badInput: true,
    },
    'not allowed': {
      said: `[error] file:${FILE}: Permission denied`,
      reason: 'FileMissing',
      sentence: `${FILE} may not be read.`,
      badInput: true,
    },
    'a folder': {
      said: `[error] file:${FILE}: Is a directory`,
      reason: 'NotAVideo',
      sentence: `${FILE} is a folder, not a video.`,
      badInput: true,
    },
    'text, noise, or an MP4 without its end': {
      said: `[mov,mp4,m4a,3gp,3g2,mj2 @ 0x56534055cb00] [warning] Format mov,mp4,m4a,3gp,3g2,mj2 detected only with low score of 1, misdetection possible!
        [mov,mp4,m4a,3gp,3g2,mj2 @ 0x56534055cb00] [error] moov atom not found
        [error] file:${FILE}: Invalid data found when processing input`,
      reason: 'NotAVideo',
      sentence: `${FILE} is not a video that ffmpeg can read.`,
      badInput: true,
    },
    'sound alone': {
      said: `[fatal] Stream map '0:v:0' matches no streams.
        To ignore this, add a trailing '?' to the map.`,
      reason: 'NoVideoStream',
      sentence: `${FILE} has no video in it.`,
      badInput: true,
    },
  };
  for (const [name, { said, reason, sentence, badInput }] of Object.entries(cases)) {
    test(`${name}: ${reason}`, () => {
      const fault = openFault(FILE, exited(1, said));
      assert.deepEqual({ reason: fault.reason, sentence: fault.sentence, badInput: fault.badInput }, { reason, sentence, badInput });
    });
  }

  test('because ffmpeg is missing: ReaderFailed, which trying again may heal', () => {
    const fault = openFault(FILE, exited(undefined, 'ffmpeg did not start: spawn ffmpeg ENOENT'));
    assert.equal(fault.reason, 'ReaderFailed');
    assert.equal(fault.sentence, `${FILE} could not be read: ffmpeg did not start: spawn ffmpeg ENOENT.`);
    assert.ok(!fault.badInput);
  });
});

suite('a file that was read to its end', () => {
  const whole = ['', '[nut @ 0x564310] [warning] Stream #0: not enough frames to estimate rate; consider increasing probesize'];
  const cut: Record<string, string> = {
    'an MP4 without its end': `[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55baddd07b00] [warning] Packet corrupt (stream = 0, dts = 980000).
      [NULL @ 0x55baddd09080] [error] Invalid NAL unit size (21494 > 19080).
      [NULL @ 0x55baddd09080] [error] missing picture in access unit with size 19084
      [warning] file:${FILE}: corrupt input packet in stream 0
      [mov,mp4,m4a,3gp,3g2,mj2 @ 0x55baddd07b00] [error] stream 0, offset 0x1900e: partial file`,
    'an AVI without its end': `[avi @ 0x56441f90bb00] [warning] Packet corrupt (stream = 0, dts = 24).
      [warning] file:${FILE}: corrupt input packet in stream 0`,
    'a Matroska without its end': '[matroska,webm @ 0x55951ed93b00] [error] File ended prematurely',
    'an MP4 with a scratch': `[NULL @ 0x563cd2963080] [error] Invalid NAL unit size (-1587238894 > 743).
      [NULL @ 0x563cd2963080] [error] missing picture in access unit with size 747`,
  };
  for (const [name, said] of Object.entries(cut)) {
    test(`${name}: FileCutShort`, () => assert.equal(fileVerdict(FILE, exited(0, said))?.reason, 'FileCutShort'));
  }
  test('whole: nothing', () => {
    for (const said of whole) assert.equal(fileVerdict(FILE, exited(0, said)), undefined);
  });
});
