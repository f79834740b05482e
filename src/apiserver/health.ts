/** /healthz, /livez and /readyz of the API server, single checks under their path (k8s.io/apiserver/pkg/server/healthz). */
import type { ApiResponse } from "../api/exchange.ts";
import { answerCheck, answerHealth, type HealthCheck, type HealthSLIs, ping } from "../api/health-checks.ts";

export function healthPaths(checks: Record<string, readonly HealthCheck[]>): string[] {
  return Object.entries(checks).flatMap(([root, list]) => [`/${root}`, ...list.map((check) => `/${root}/${check.name}`)]);
}

/** Undefined for a path that is none of the checks'. */
export async function health(
  checks: Record<string, readonly HealthCheck[]>,
  path: string,
  query: URLSearchParams,
  slis: HealthSLIs,
): Promise<ApiResponse | undefined> {
  if (path.endsWith("/")) return undefined;
  const [, root = "", ...rest] = path.split("/");
  if (!Object.hasOwn(checks, root)) return undefined;
  const list = checks[root] as readonly HealthCheck[];
  const answer = rest.length ? await answerCheck(list, rest.join("/")) : await answerHealth(root, list, query, slis);
  if (!answer) return undefined;
  // A single check that is well is written without looking at its headers.
  const unsniffed: Record<string, string> = rest.length && answer.status === 200 ? {} : { "x-content-type-options": "nosniff" };
  return { status: answer.status, headers: { "content-type": "text/plain; charset=utf-8", ...unsniffed }, body: Buffer.from(answer.body) };
}

/**
 * Upstream's post-start hooks are no checks here: the port is opened when what they do is done, so that they could not fail.
 * What a server looks at besides `more`; `read` rejects where the store cannot be read, and one that stops is not ready.
 */
export function serverChecks(more: readonly HealthCheck[], read: () => Promise<void>, stopping: AbortSignal): Record<string, readonly HealthCheck[]> {
  // A line is written before the process goes on: where upstream's log is stuck and this check fails, nothing of ours answers.
  const log: HealthCheck = { name: "log", check: () => undefined };
  const common: HealthCheck[] = [ping, log, ...more];
  const store: HealthCheck = {
    name: "etcd",
    check: () => read().then(() => undefined),
  };
  const readiness: HealthCheck = { ...store, name: "etcd-readiness" };
  const shutdown: HealthCheck = { name: "shutdown", check: () => (stopping.aborted ? "process is shutting down" : undefined) };
  return { healthz: [...common, store], livez: [...common.filter(({ live = true }) => live), store], readyz: [...common, store, readiness, shutdown] };
}
