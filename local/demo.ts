/** `npm run demo`: counts the people of the shipped clip, as a first look. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import { count } from './count.ts';

const sample = fileURLToPath(new URL('../crds/samples/valid-one-by-one.yaml', import.meta.url));

process.stdout.write(`Footfall counts the people of a sample clip: six come in at the bottom edge and leave on the right.
The streams are declared in crds/samples/valid-one-by-one.yaml; the clip is Intel's, CC BY 4.0 (hack/samples/one-by-one).

`);
process.exitCode = await count([sample, ...process.argv.slice(2)], shutdownSignal());
