/** Starts an operator from its configuration, until a signal stops it. */
import { createLog } from '#proto/process/log.ts';
import { runProcess } from '#proto/process/run-process.ts';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import { readOperatorConfig } from './config.ts';
import { runOperator } from './operator.ts';

const HELP = `usage: FOOTFALL_OPERATOR='{"namespace":...,"identity":...,"agent":{"image":...},"counter":{"image":...},...}' operator

Runs an edge agent for each CameraStream of the cluster, and a pool of counters for all of them.
The configuration is the JSON in FOOTFALL_OPERATOR. Exit codes: 0 done, 1 failed, 2 bad input.
`;

await runProcess({
  help: HELP,
  readConfig: readOperatorConfig,
  work: (config) => runOperator(config, createLog('operator', config.logLevel), shutdownSignal()),
  failed: (error, config) => {
    createLog('operator', config.logLevel).error({ sentence: (error as Error).message }, 'operator failed');
    return 'failed';
  },
});
