/** What ffmpeg 5.1 really said, and what we make of it. The credentials are gone from it before it comes here. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FfmpegExit } from '#proto/media/ffmpeg.ts';
import { cameraFault, type FaultReason, fileFault, fileVerdict, silenceFault } from './faults.ts';

const URL = 'rtsp://10.0.0.8/stream2';
const FILE = '/video/hall.mp4';

function exited(code: number | undefined, said: string, signal?: NodeJS.Signals): FfmpegExit {
  return {
    code,
    signal,
    stopped: false,
    lastWords: said
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  };
}

interface Case {
  readonly said: string;
  readonly reason: FaultReason;
  readonly sentence: string;
  readonly badInput: boolean;
}

suite('a camera that does not connect', () => {
  const cases: Record<string, Case> = {
    'wrong password': {
      said: `[rtsp @ 0x55bd9f1ef4c0] [error] method DESCRIBE failed: 401 Unauthorized
        [concat @ 0x55bd9f1ddb00] [error] Impossible to open 'rtsp://***@10.0.0.8/stream2'
        [error] pipe:0: Server returned 401 Unauthorized (authorization failed)`,
      reason: 'CameraUnauthorized',
      sentence: `${URL} refused the user name or password: check the secret that source.credentialsSecretRef names.`,
      badInput: true,
    },
    'no such stream': {
      said: `[rtsp @ 0x55f6d99ea480] [error] method DESCRIBE failed: 404 Not Found
        [concat @ 0x55f6d99d8b00] [error] Impossible to open 'rtsp://***@10.0.0.8/stream2'
        [error] pipe:0: Server returned 404 Not Found`,
      reason: 'CameraPathUnknown',
      sentence: `${URL}: the camera has no stream of that path.`,
      badInput: true,
    },
    'a transport that it does not speak': {
      said: `[rtsp @ 0x559abf438440] [error] method SETUP failed: 461 Unsupported Transport
        [concat @ 0x559abf426a00] [error] Impossible to open 'rtsp://10.0.0.8/stream2'
        [error] pipe:0: Protocol not supported`,
      reason: 'CameraRefused',
      sentence: `${URL}: the camera refuses (461 Unsupported Transport).`,
      badInput: false,
    },
    'a request that it does not like': {
      said: `[rtsp @ 0x56352379e440] [warning] CSeq 1 expected, 0 received.
        [concat @ 0x56352378ca00] [error] Impossible to open 'rtsp://10.0.0.8/stream2'
        [error] pipe:0: Server returned 400 Bad Request`,
      reason: 'CameraRefused',
      sentence: `${URL}: the camera refuses (400 Bad Request).`,
      badInput: false,
    },
    'nobody listens': {
      said: `[tcp @ 0x556fe879f1c0] [error] Connection to tcp://10.0.0.8:554?timeout=5000000 failed: Connection refused
        [concat @ 0x556fe878ab00] [error] Impossible to open 'rtsp://***@10.0.0.8/stream2'
        [error] pipe:0: Connection refused`,
      reason: 'CameraUnreachable',
      sentence: `${URL} cannot be reached: connection refused.`,
      badInput: false,
    },
    'a name that nobody knows': {
      said: `[tcp @ 0x555e5a4a4080] [error] Failed to resolve hostname no-such-host.invalid: Name or service not known
        [concat @ 0x555e5a48fb00] [error] Impossible to open 'rtsp://***@no-such-host.invalid/stream2'
        [error] pipe:0: Input/output error`,
      reason: 'CameraUnreachable',
      sentence: `${URL} cannot be reached: name or service not known.`,
      badInput: false,
    },
    'something else than RTSP': {
      said: `[concat @ 0x55c373b24b00] [error] Impossible to open 'rtsp://***@10.0.0.8/stream2'
        [error] pipe:0: Invalid data found when processing input`,
      reason: 'CameraUnreachable',
      sentence: `${URL} cannot be reached: what answers there breaks off or does not speak RTSP.`,
      badInput: false,
    },
    'rtsps where there is no TLS': {
      said: `[tls @ 0x55e1f0da63c0] [error] An unexpected TLS packet was received.
        [concat @ 0x55e1f0d919c0] [error] Impossible to open 'rtsps://10.0.0.8/stream2'
        [error] pipe:0: Input/output error`,
      reason: 'CameraUnreachable',
      sentence: `${URL} cannot be reached: no secure connection comes about.`,
      badInput: false,
    },
    'pictures without a size': {
      said: `[rtsp @ 0x5594a2b8c980] [warning] Could not find codec parameters for stream 0 (Video: mjpeg, none(bt470bg/unknown/unknown)): unspecified size
        Consider increasing the value for the 'analyzeduration' (15000000) and 'probesize' (5000000) options
        [nut @ 0x5594a2b98a80] [error] dimensions not set
        [error] Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument
        [error] Error initializing output stream 0:0 --`,
      reason: 'UnsupportedCodec',
      sentence: `${URL} sends video that ffmpeg cannot make out a picture size of.`,
      badInput: true,
    },
  };
  for (const [name, { said, reason, sentence, badInput }] of Object.entries(cases)) {
    test(`${name}: ${reason}`, () => {
      const fault = cameraFault(URL, exited(1, said), false);
      assert.deepEqual({ reason: fault.reason, sentence: fault.sentence, badInput: fault.badInput }, { reason, sentence, badInput });
    });
  }

  test('it was waited for in vain: CameraUnreachable', () => {
    assert.equal(silenceFault(URL, 20, false).sentence, `${URL} cannot be reached: there is no video after 20 s.`);
  });

  test('the address hides a password, should there be one', () => {
    assert.ok(!cameraFault('rtsp://admin:secret@10.0.0.8/stream2', exited(1, 'Connection refused'), false).message.includes('secret'));
  });
});

suite('a camera that was connected', () => {
  test('and hung up: CameraLost, whatever its pictures were like', () => {
    const fault = cameraFault(URL, exited(0, '[h264 @ 0x55a4d0d90c40] [error] co located POCs unavailable'), true);
    assert.equal(fault.reason, 'CameraLost');
    assert.equal(fault.sentence, `${URL}: the camera ended the stream.`);
  });

  test('and sends nothing: CameraSilent', () => {
    assert.deepEqual(
      [silenceFault(URL, 10, true).reason, silenceFault(URL, 10, true).sentence],
      ['CameraSilent', `${URL} has sent nothing for 10 s.`],
    );
  });

  test('and whose reader was killed: ReaderFailed', () => {
    const fault = cameraFault(URL, exited(undefined, '', 'SIGKILL'), true);
    assert.equal(fault.reason, 'ReaderFailed');
    assert.equal(fault.sentence, `${URL} could not be read: ffmpeg was killed (SIGKILL).`);
    assert.ok(!fault.badInput);
  });
});

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
      const fault = fileFault(FILE, exited(1, said));
      assert.deepEqual({ reason: fault.reason, sentence: fault.sentence, badInput: fault.badInput }, { reason, sentence, badInput });
    });
  }

  test("for want of ffmpeg: ReaderFailed, which is not the file's doing", () => {
    const fault = fileFault(FILE, exited(undefined, 'ffmpeg did not start: spawn ffmpeg ENOENT'));
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
