/** Puts an operator together, and reconciles while it leads, until a signal comes. */
import process from 'node:process';
import { createLog } from '#proto/log.ts';
import { shutdownSignal } from '#proto/shutdown.ts';
import { type OperatorConfig, readOperatorConfig } from './config.ts';
import { runOperator } from './operator.ts';

const HELP = `usage: FOOTFALL_OPERATOR='{"namespace":...,"identity":...,"agent":{"image":...},"counter":{"image":...},...}' operator

Makes an edge agent for each CameraStream of the cluster and keeps the pool of counters.
The configuration is the JSON in FOOTFALL_OPERATOR. Exit codes: 0 done, 1 failed, 2 bad input.
`;

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return;
  }
  let config: OperatorConfig;
  try {
    config = readOperatorConfig(process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
    return;
  }
  const log = createLog('operator', config.logLevel);
  try {
    await runOperator(config, log, shutdownSignal());
  } catch (error) {
    log.error({ sentence: (error as Error).message }, 'operator failed');
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
}

await main();
