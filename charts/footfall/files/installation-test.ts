/**
 * What `helm test` runs, in a pod of the operator's image: whether the installation can do its work. Counters may still
 * be starting, so what does not hold is asked again for a while. It stands alone: of the project's code nothing is at hand.
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
  'The operator knows the cluster': async () => {
    await ask(`${OPERATOR}/readyz`);
  },
  // By a headless Service, which names none but counters that are ready.
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

/** fetch says "fetch failed" and hides the reason. */
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
