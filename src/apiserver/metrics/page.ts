/** /metrics and /metrics/slis (k8s.io/apiserver/pkg/server/routes/metrics.go). */
import type { ApiResponse } from "../../api/exchange.ts";
import type { HealthSLIs } from "../../api/health-checks.ts";
import type { Metrics } from "../../base/metrics.ts";

const exposition = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

function answer(method: string, metrics: Metrics): { type: string; body: string } {
  if (method !== "DELETE") return { type: exposition, body: metrics.expose() };
  metrics.reset();
  return { type: "text/plain; charset=utf-8", body: "metrics reset\n" };
}

/** Undefined for any other path. */
export function metricsPage(method: string, path: string, metrics: Metrics, slis: HealthSLIs): ApiResponse | undefined {
  const page = path === "/metrics/slis" ? slis.answer(method) : path === "/metrics" ? answer(method, metrics) : undefined;
  return page && { status: 200, headers: { "content-type": page.type }, body: Buffer.from(page.body) };
}
