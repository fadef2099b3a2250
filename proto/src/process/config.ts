/** How every process is configured: one JSON document in an environment variable, without any secret. */
import type { z } from 'zod';

/** @throws Error with one sentence that names the variable and the field. */
export function readJsonConfig<S extends z.ZodType>(
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
  schema: S,
): z.output<S> {
  const text = environment[variable];
  if (text === undefined) throw new Error(`${variable} is not set: it holds the configuration as JSON.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${variable} is not valid JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Error(`${variable}: ${issue.path.join('.') || 'the whole'}: ${issue.message}.`);
}

/** @param address host:port. Names other than localhost may come to stand for anything. */
export function isLoopback(address: string): boolean {
  const host = address.replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
