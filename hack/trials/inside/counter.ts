/** Loaded before a counter's own code: points around its ledger and its receiver of events. */
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { EventsFile } from '../../../counter-service/src/events/file.ts';
import { FolderLedger } from '../../../counter-service/src/ledger/folder.ts';
import type { Ledger } from '../../../counter-service/src/ledger/ledger.ts';
import { StatusLedger } from '../../../counter-service/src/ledger/status.ts';
import { around } from './around.ts';
import { note, pass } from './points.ts';

for (const ledger of [FolderLedger.prototype, StatusLedger.prototype] as Ledger[]) {
  around(ledger, 'claim', async (claim, stream, reading, session, ...rest) => {
    pass('before claim');
    const writer = await claim(stream, reading, session, ...rest);
    const { term, counts } = writer;
    note({ claimed: { term, session, ...(counts && { committed: { session: counts.session, position: counts.position } }) } });
    pass('after claim');
    around(writer, 'commit', async (commit, ...counted) => {
      pass('before commit');
      await commit(...counted);
      pass('after commit');
    });
    return writer;
  });
}

around(EventsFile.prototype, 'deliver', async (deliver, events) => {
  if (events.length > 0) pass('before receipt');
  await deliver(events);
  if (events.length > 0) pass('after receipt');
});

// Only the folder ledger links and renames files.
for (const name of ['link', 'rename'] as const) {
  around(promises, name, async (put, from, to) => {
    pass('ledger file not in place');
    await put(from, to);
  });
}
syncBuiltinESMExports();
