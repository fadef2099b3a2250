import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLog } from '#proto/process/log.ts';
import type { ServerCertificate } from '#proto/wire/credentials.ts';
import { until } from '../../../hack/machine/until.ts';
import { Certificates } from '../../../hack/machine/certificates.ts';
import { Certificate } from './certificate.ts';

const log = createLog('test', 'silent');

async function setting(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-certificate-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const certificates = await Certificates.make(folder);
  return { certificates, files: certificates.ofCounter };
}

test('a replaced certificate is used, as a whole; a broken one is not, and the next valid one is', async (context) => {
  const { certificates, files } = await setting(context);
  const certificate = await Certificate.read(files, log, 0.01);
  const renewals: ServerCertificate[] = [];
  const over = new AbortController();
  const following = certificate.follow((one) => renewals.push(one), over.signal);
  const read = () => ({ certificate: readFileSync(files.certificateFile), key: readFileSync(files.keyFile) });
  await certificates.certify();
  await until(() => renewals.length === 1);
  const second = read();
  assert.deepEqual([renewals[0], certificate.current], [second, second]);
  writeFileSync(files.keyFile, 'torn');
  rmSync(files.certificateFile);
  writeFileSync(files.certificateFile, 'torn');
  await certificates.certify();
  await until(() => renewals.some((one) => one.certificate.equals(read().certificate)));
  for (const { certificate: shown, key } of renewals) assert.ok(shown.includes('BEGIN CERTIFICATE') && key.includes('BEGIN PRIVATE KEY'));
  over.abort();
  await following;
});

test('a counter does not start without a valid certificate, and says why in one sentence', async (context) => {
  const { files } = await setting(context);
  const other = await setting(context);
  await assert.rejects(Certificate.read({ ...files, keyFile: other.files.keyFile }, log), {
    message: `The counter's certificate ${files.certificateFile} does not belong to its key.`,
  });
  writeFileSync(files.keyFile, 'torn');
  await assert.rejects(Certificate.read(files, log), {
    message: `The counter's certificate ${files.certificateFile} has no readable key beside it.`,
  });
  writeFileSync(files.certificateFile, 'torn');
  await assert.rejects(Certificate.read(files, log), {
    message: `The counter's certificate ${files.certificateFile} is no certificate in PEM.`,
  });
  rmSync(files.keyFile);
  await assert.rejects(Certificate.read(files, log), {
    message: `The counter's certificate cannot be read from ${files.keyFile} (ENOENT).`,
  });
});
