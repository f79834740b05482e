/**
 * Health by named checks, a line each with ?verbose, single ones below (k8s.io/apiserver/pkg/server/healthz), and what they came
 * to: of each the last result, and how often which (k8s.io/component-base/metrics/prometheus/slis).
 */
import { Metrics, type Value } from "../base/metrics.ts";

export interface HealthCheck {
  name: string;
  /** Whether a server of which this fails is to be started again. @default true */
  live?: boolean;
  /** Undefined when all is well, otherwise why not; one that throws has failed. */
  check(): Promise<string | undefined> | string | undefined;
}

export interface HealthAnswer {
  status: number;
  body: string;
}

export const healthRoots = ["healthz", "livez", "readyz"] as const;
export type HealthRoot = (typeof healthRoots)[number];

/** That this process answers. */
export const ping: HealthCheck = { name: "ping", check: () => undefined };

/** What /metrics/slis of one server shows. */
export class HealthSLIs {
  readonly #registry = new Metrics();
  readonly #last: Value;
  readonly #results: Value;
  readonly #start: Value;

  /** `started`: when this process began, in milliseconds. */
  constructor(started: number) {
    this.#last = this.#registry.gauge("kubernetes_healthcheck", "[STABLE] This metric records the result of a single healthcheck.", ["name", "type"]);
    this.#results = this.#registry.counter("kubernetes_healthchecks_total", "[STABLE] This metric records the results of all healthcheck.", [
      "name",
      "status",
      "type",
    ]);
    this.#start = this.#registry.gauge("process_start_time_seconds", "[ALPHA] Start time of the process since unix epoch in seconds.");
    this.#start.set(started / 1000);
  }
  observe(type: string, name: string, well: boolean): void {
    this.#last.set(well ? 1 : 0, name, type);
    this.#results.inc(name, well ? "success" : "error", type);
  }
  /** DELETE forgets what was counted. */
  answer(method: string): { type: string; body: string } {
    if (method !== "DELETE") return { type: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", body: this.#registry.expose() };
    for (const metric of [this.#last, this.#results]) metric.clear();
    return { type: "text/plain; charset=utf-8", body: "metrics reset\n" };
  }
}

async function failureOf(check: HealthCheck): Promise<string | undefined> {
  try {
    return await check.check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** One check by its name; undefined where there is none. What is asked for alone is not counted. */
export async function answerCheck(checks: readonly HealthCheck[], name: string): Promise<HealthAnswer | undefined> {
  const check = checks.find((candidate) => candidate.name === name);
  if (!check) return undefined;
  const why = await failureOf(check);
  return why === undefined ? { status: 200, body: "ok" } : { status: 500, body: `internal server error: ${why}\n` };
}

/** All of them. */
export async function answerHealth(root: string, checks: readonly HealthCheck[], query: URLSearchParams, slis: HealthSLIs): Promise<HealthAnswer> {
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const check of checks) {
    if (excluded.has(check.name)) {
      excluded.delete(check.name);
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const well = (await failureOf(check)) === undefined;
    slis.observe(root, check.name, well);
    if (!well) failed = true;
    lines.push(well ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
  }
  if (excluded.size) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...excluded].map((name) => JSON.stringify(name)).join(", ")}`);
  if (failed) return { status: 500, body: `${lines.join("\n")}\n${root} check failed\n` };
  return { status: 200, body: query.has("verbose") ? `${lines.join("\n")}\n${root} check passed\n` : "ok" };
}
