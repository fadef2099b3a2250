/** Composes an edge agent, runs it until its source ends or a signal comes, and announces how it ended. */
import process from 'node:process';
import { runProcess } from '#proto/process/run-process.ts';
import { createLog } from '#proto/process/log.ts';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { serveHttp } from '#proto/process/http-server.ts';
import { dialCounting } from '#proto/wire/client.ts';
import { announce, shutdownSignal } from '#proto/process/shutdown.ts';
import { type AgentConfig, readAgentConfig } from './config.ts';
import { CameraFault } from './camera/faults.ts';
import { runSession, StreamRefused } from './session.ts';
import { openSource, retain } from './source.ts';
import { thisMachine } from './ring/machine.ts';
import { observeSession } from './site/observe-session.ts';
import { Site } from './site/site.ts';
import { NamedCounters } from './uplink/directory.ts';
import { Identity } from './uplink/identity.ts';

const HELP = `usage: FOOTFALL_AGENT='{"stream":...,"source":...,"counters":[...],...}' edge-agent

Reads one camera and streams it, undecoded, to a counter; shows the counts that come back at /counts.
The configuration is the JSON in FOOTFALL_AGENT. Exit codes: 0 done, 1 failed, 2 bad input.
`;

/** How a run ended, for local mode: with a sentence, or well. */
export interface AgentEnd {
  readonly ended: { readonly reason: string; readonly sentence: string; readonly badInput: boolean } | 'well';
}

async function run(config: AgentConfig, signal: AbortSignal): Promise<void> {
  await requireFfmpeg();
  const { stream } = config;
  const log = createLog('edge-agent', config.logLevel).child({ stream: `${stream.namespace}/${stream.name}` });
  const metrics = createMetrics();
  const site = new Site(stream, metrics, () => performance.now() / 1000);
  const retained = retain(config, thisMachine());
  const { restarts, recovered, faults } = retained;
  site.showRetained(retained);
  if (restarts > 0) log.info({ restarts, from: recovered.newest.number, corruptFiles: faults.corruptFiles }, 'the session continues');
  const identity = config.tls && new Identity(config.tls);
  const source = openSource(config, retained, site, log);
  const http = await serveHttp({
    ...config.site,
    metrics,
    unready: () => site.unready(),
    routes: { '/counts': site.route },
  });
  announce({ site: http.port });
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const tasks = [
      source.recording.run(either),
      runSession(
        {
          stream,
          observer: observeSession(site, log),
          recording: source.recording,
          recorded: source.recorded,
          camera: source.report,
          directory: new NamedCounters({ counters: config.counters, onLookup: (result) => site.countLookup(result) }),
          identity,
          dial: (address, until) => dialCounting(address, until, identity?.read()),
          checkpoints: retained.checkpoints,
          state: retained.session,
          exitWhenUnusable: config.exitWhenUnusable,
          random: Math.random,
        },
        either,
      ),
    ].map((task) => task.finally(() => over.abort(new Error('one of its tasks is over'))));
    // Wait for both, also when one has failed: the other still settles what was counted.
    await Promise.allSettled(tasks);
    await Promise.all(tasks);
    const verdict = source.verdict();
    if (verdict !== undefined) throw verdict;
  } finally {
    await site.close();
    await http.stop();
    retained.close();
  }
}

function endOf(error: unknown): AgentEnd['ended'] & object {
  const sentence = error instanceof Error ? error.message : String(error);
  if (error instanceof CameraFault) return { reason: error.reason, sentence, badInput: error.badInput };
  if (error instanceof StreamRefused) return { reason: error.reason, sentence, badInput: error.badInput };
  return { reason: 'AgentFailed', sentence, badInput: false };
}

await runProcess({
  help: HELP,
  readConfig: readAgentConfig,
  work: async (config) => {
    await run(config, shutdownSignal());
    announce({ ended: 'well' } satisfies AgentEnd);
  },
  failed: (error) => {
    const ended = endOf(error);
    announce({ ended } satisfies AgentEnd);
    process.stderr.write(`${ended.sentence}\n`);
    return ended.badInput ? 'bad input' : 'failed';
  },
});
