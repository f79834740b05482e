/** /healthz, /livez and /readyz: one line a check with ?verbose, single checks under their path (k8s.io/apiserver/pkg/server/healthz). */
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { queryBool } from "./request-info.ts";

export interface HealthCheck {
  name: string;
  /** Whether a server of which this fails is to be started again. @default true */
  live?: boolean;
  /** Undefined when all is well, otherwise why not; one that throws has failed. */
  check(): Promise<string | undefined> | string | undefined;
}

const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
const text = (status: number, body: string): ApiResponse => ({ status, headers: { ...headers }, body: Buffer.from(body) });

export function healthPaths(checks: Record<string, readonly HealthCheck[]>): string[] {
  return Object.entries(checks).flatMap(([root, list]) => [`/${root}`, ...list.map((check) => `/${root}/${check.name}`)]);
}

async function failureOf(check: HealthCheck): Promise<string | undefined> {
  try {
    return await check.check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Undefined for a path that is none of the checks'. */
export async function health(checks: Record<string, readonly HealthCheck[]>, request: ApiRequest): Promise<ApiResponse | undefined> {
  if (request.path.endsWith("/")) return undefined;
  const [, root = "", ...rest] = request.path.split("/");
  if (!Object.hasOwn(checks, root)) return undefined;
  const list = checks[root] as readonly HealthCheck[];
  const one = rest.join("/");
  if (one) {
    const check = list.find((candidate) => candidate.name === one);
    if (!check) return undefined;
    const why = await failureOf(check);
    return why === undefined ? text(200, "ok") : text(500, `internal server error: ${why}\n`);
  }
  const excluded = new Set(request.query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const check of list) {
    if (excluded.has(check.name)) {
      excluded.delete(check.name);
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const why = await failureOf(check);
    if (why !== undefined) failed = true;
    lines.push(why === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
  }
  if (excluded.size) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...excluded].map((name) => JSON.stringify(name)).join(", ")}`);
  if (failed) return text(500, `${lines.join("\n")}\n${root} check failed\n`);
  if (!request.query.has("verbose") || !queryBool(request.query.get("verbose") || "1")) return text(200, "ok");
  return text(200, `${lines.join("\n")}\n${root} check passed\n`);
}

/** What a server looks at besides `more`; `read` rejects where the store cannot be read, and one that stops is not ready. */
export function serverChecks(more: readonly HealthCheck[], read: () => Promise<void>, stopping: AbortSignal): Record<string, readonly HealthCheck[]> {
  const common: HealthCheck[] = [{ name: "ping", check: () => undefined }, { name: "log", check: () => undefined }, ...more];
  const store: HealthCheck = {
    name: "etcd",
    check: () => read().then(() => undefined),
  };
  const shutdown: HealthCheck = { name: "shutdown", check: () => (stopping.aborted ? "process is shutting down" : undefined) };
  return { healthz: [...common, store], livez: [...common.filter(({ live = true }) => live), store], readyz: [...common, store, shutdown] };
}
