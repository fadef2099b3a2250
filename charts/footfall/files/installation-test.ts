/**
 * The program of `helm test`, which runs in a pod with the operator's image. Counters may still be starting, so a check that
 * fails is repeated for a while. It imports nothing of the project, for the chart contains this file only.
 */
import { readFileSync } from 'node:fs';

const { OPERATOR, COUNTERS, WAIT_SECONDS = '120', KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const {
  API_SERVER = `https://${host?.includes(':') ? `[${host}]` : host}:${port}`,
  TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token',
} = process.env;

const ANSWER_MS = 5_000;
const RETRY_MS = 1_000;
const GROUP = '/apis/footfall.dev/v1alpha1';

type Check = () => Promise<void>;

const checks: Record<string, Check> = {
  'The API server serves CameraStreams': async () => {
    const token = readFileSync(TOKEN_FILE, 'utf8').trim();
    const answer = await ask(`${API_SERVER}${GROUP}`, { authorization: `Bearer ${token}` });
    const { resources } = JSON.parse(answer) as { resources: { name: string }[] };
    const names = resources.map(({ name }) => name);
    for (const name of ['camerastreams', 'camerastreams/status']) if (!names.includes(name)) throw new Error(`${GROUP} has no ${name}`);
  },
  'The operator has read the cluster': async () => {
    await ask(`${OPERATOR}/readyz`);
  },
  // The headless Service resolves to ready counters only.
  ...(COUNTERS && {
    'A counter can count': async () => {
      await ask(`${COUNTERS}/readyz`);
    },
  }),
};

async function ask(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text.trim()}`);
  return text;
}

/** fetch reports "fetch failed", with the reason as its cause. */
function causeOf(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
}

const end = Date.now() + Number(WAIT_SECONDS) * 1000;
for (const [claim, check] of Object.entries(checks)) {
  for (;;) {
    try {
      await check();
      console.log(`ok      ${claim}.`);
      break;
    } catch (error) {
      if (Date.now() + RETRY_MS > end) {
        console.log(`failed  ${claim}: ${causeOf(error).replace(/\.$/, '')}.`);
        process.exit(1);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
