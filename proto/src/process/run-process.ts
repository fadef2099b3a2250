/** Runs a process: `--help`, configuration, work. Exit codes: 0 done, 1 failed, 2 bad input. */
import process from 'node:process';

export interface Program<Config> {
  readonly help: string;
  /** @throws Error with one sentence: bad input. */
  readonly readConfig: (environment: NodeJS.ProcessEnv) => Config;
  readonly work: (config: Config) => Promise<void>;
  /** Says why the work failed. @returns whether that was the input's fault. */
  readonly failed: (error: unknown, config: Config) => 'failed' | 'bad input';
}

export async function runProcess<Config>({ help, readConfig, work, failed }: Program<Config>): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(help);
    return;
  }
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    await work(config);
  } catch (error) {
    process.exitCode = failed(error, config) === 'bad input' ? 2 : 1;
  }
  // The channel to a parent would keep the process alive.
  if (process.connected) process.disconnect();
}
