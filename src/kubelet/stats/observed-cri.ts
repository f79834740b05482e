/** The runtime's operations, counted and timed under upstream's names (pkg/kubelet/kuberuntime/instrumented_services.go). */
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { CriClient } from "../../cri/client.ts";

/** 5 ms and 13 times two and a half as much. */
const buckets = Array.from({ length: 14 }, (_, i) => 0.005 * 2.5 ** i);

/** `ListPodSandbox` is `list_podsandbox`. */
export const operationOf = (method: string): string =>
  method
    .replace("PodSandbox", "Podsandbox")
    .replace(/(?<!^)([A-Z])/g, "_$1")
    .toLowerCase();

/** Closing it closes nothing: the runtime's client belongs to the caller. */
export function observedCri(cri: CriClient, metrics: Metrics, clock: Clock): CriClient {
  const total = metrics.counter("kubelet_runtime_operations_total", "[ALPHA] Cumulative number of runtime operations by operation type.", ["operation_type"]);
  const durations = metrics.histogram(
    "kubelet_runtime_operations_duration_seconds",
    "[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.",
    buckets,
    ["operation_type"],
  );
  const failed = metrics.counter("kubelet_runtime_operations_errors_total", "[ALPHA] Cumulative number of runtime operation errors by operation type.", [
    "operation_type",
  ]);
  const known = new Map<string, { name: string; observe(seconds: number): void }>();
  const seriesOf = (method: string): { name: string; observe(seconds: number): void } => {
    const series = known.get(method) ?? { name: operationOf(method), observe: durations.series(operationOf(method)) };
    known.set(method, series);
    return series;
  };
  const call: CriClient["call"] = (method, request, options) => {
    const { name, observe } = seriesOf(method);
    const began = clock.monotonic();
    total.inc(name);
    const answer = cri.call(method, request, options);
    answer.then(
      () => observe((clock.monotonic() - began) / 1000),
      () => {
        observe((clock.monotonic() - began) / 1000);
        failed.inc(name);
      },
    );
    return answer;
  };
  return {
    call,
    stream: (method, request, signal) => cri.stream(method, request, signal),
    watchConnection: (...args) => cri.watchConnection(...args),
    async [Symbol.asyncDispose]() {},
  };
}
