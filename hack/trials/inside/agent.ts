/** Loaded before an agent's own code: points around its writes, and a tape of all access units that it numbers. */
import fs from 'node:fs';
import { Checkpoints } from '../../../edge-agent/src/ring/checkpoints.ts';
import { Folder } from '../../../edge-agent/src/ring/folder.ts';
import { NewestMark } from '../../../edge-agent/src/ring/newest-mark.ts';
import { Ring } from '../../../edge-agent/src/ring/ring.ts';
import { FileSegments } from '../../../edge-agent/src/ring/segment-files.ts';
import { Tape } from '../tape.ts';
import { around } from './around.ts';
import { act, due, instructions, pass } from './points.ts';

const tape = new Tape(instructions.tape);
around(Ring.prototype, 'append', (append, ...unit) => {
  tape.record(...unit);
  append(...unit);
  process.send?.({ numbered: unit[0].number });
});

around(FileSegments.prototype, 'begin', (begin, head) => {
  pass('before segment');
  const segment = begin(head);
  pass('after segment');
  return segment;
});
around(FileSegments.prototype, 'append', (append, ...block) => {
  const bytes = append(...block);
  pass('after block');
  return bytes;
});
around(NewestMark.prototype, 'reached', (reached, ...newest) => {
  pass('before mark');
  reached(...newest);
  pass('after mark');
});

around(Folder.prototype, 'put', (put, name, ...content) => {
  const what = name === 'session' ? name : 'checkpoint';
  pass(`before ${what}`);
  put(name, ...content);
  pass(`after ${what}`);
});
around(Folder.prototype, 'writeAt', (write, fd, parts, offset) => {
  pass('before block');
  if (due('half a block')) {
    const whole = Buffer.concat(parts);
    fs.writeSync(fd, whole, 0, whole.length >> 1, offset);
    act('half a block');
  }
  return write(fd, parts, offset);
});
// `put` renames a file into its place after writing it.
around(fs, 'renameSync', (rename, from, to) => {
  pass(String(to).endsWith('/session') ? 'session not in place' : 'checkpoint not in place');
  rename(from, to);
});

around(Checkpoints.prototype, 'release', (release, serial) => {
  const settled = release(serial);
  pass('after release');
  return settled;
});
