/** What ffmpeg 5.1 really said about cameras, without credentials, and the fault that follows. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exited } from '../../fixtures/exit.ts';
import { type FaultReason, silenceFault } from '../faults.ts';
import { rtspFault } from './rtsp-faults.ts';

const URL = 'rtsp://10.0.0.8/stream2';

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
    'a transport that it does not support': {
      said: `[rtsp @ 0x559abf438440] [error] method SETUP failed: 461 Unsupported Transport
        [concat @ 0x559abf426a00] [error] Impossible to open 'rtsp://10.0.0.8/stream2'
        [error] pipe:0: Protocol not supported`,
      reason: 'CameraRefused',
      sentence: `${URL}: the camera refuses (461 Unsupported Transport).`,
      badInput: false,
    },
    'a request that it does not accept': {
      said: `[rtsp @ 0x56352379e440] [warning] CSeq 1 expected, 0 received.
        [concat @ 0x56352378ca00] [error] Impossible to open 'rtsp://10.0.0.8/stream2'
        [error] pipe:0: Server returned 400 Bad Request`,
      reason: 'CameraRefused',
      sentence: `${URL}: the camera refuses (400 Bad Request).`,
      badInput: false,
    },
    'something else than RTSP': {
      said: `[concat @ 0x55c373b24b00] [error] Impossible to open 'rtsp://***@10.0.0.8/stream2'
        [error] pipe:0: Invalid data found when processing input`,
      reason: 'CameraUnreachable',
      sentence: `${URL} cannot be reached: what answers there breaks off or does not speak RTSP.`,
      badInput: false,
    },
    'pictures without a size': {
      said: `[rtsp @ 0x5594a2b8c980] [warning] Could not find codec parameters for stream 0 (Video: mjpeg, none(bt470bg/unknown/unknown)): unspecified size
        Consider increasing the value for the 'analyzeduration' (15000000) and 'probesize' (5000000) options
        [nut @ 0x5594a2b98a80] [error] dimensions not set
        [error] Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument
        [error] Error initializing output stream 0:0 --`,
      reason: 'UnsupportedCodec',
      sentence: `${URL} sends video whose picture size ffmpeg cannot determine.`,
      badInput: true,
    },
  };
  for (const [name, { said, reason, sentence, badInput }] of Object.entries(cases)) {
    test(`${name}: ${reason}`, () => {
      const fault = rtspFault(URL, exited(1, said), false);
      assert.deepEqual({ reason: fault.reason, sentence: fault.sentence, badInput: fault.badInput }, { reason, sentence, badInput });
    });
  }

  test('no video within the time to connect: CameraUnreachable', () => {
    assert.equal(silenceFault(URL, 20, false).sentence, `${URL} cannot be reached: there is no video after 20 s.`);
  });

  test('a sentence never holds the password of an address', () => {
    assert.ok(!rtspFault('rtsp://admin:secret@10.0.0.8/stream2', exited(1, 'Invalid data found'), false).message.includes('secret'));
  });
});

suite('a camera that was connected', () => {
  test('and ended the stream: CameraLost, also when ffmpeg complained of its pictures', () => {
    const fault = rtspFault(URL, exited(0, '[h264 @ 0x55a4d0d90c40] [error] co located POCs unavailable'), true);
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
    const fault = rtspFault(URL, exited(undefined, '', 'SIGKILL'), true);
    assert.equal(fault.reason, 'ReaderFailed');
    assert.equal(fault.sentence, `${URL} could not be read: ffmpeg was killed (SIGKILL).`);
    assert.ok(!fault.badInput);
  });
});
