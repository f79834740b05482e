/** Who acted as somebody else, and what was asked for it (k8s.io/apiserver/pkg/endpoints/filters/impersonation/metrics). */
import type { Metrics } from "../../base/metrics.ts";

export type ImpersonationMode = "associated-node" | "arbitrary-node" | "serviceaccount" | "user-info" | "legacy";

export interface ImpersonationSeries {
  /** Without a mode it was refused. */
  attempted(mode: ImpersonationMode | undefined, seconds: number): void;
  asked(mode: ImpersonationMode, allowed: boolean, seconds: number): void;
}

const named = (rest: string): string => `apiserver_impersonation_${rest}`;
/** 1 ms and fourteen times the double. */
const buckets = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

export function impersonationSeries(metrics: Metrics): ImpersonationSeries {
  const labels = ["mode", "decision"];
  const attempts = metrics.counter(named("attempts_total"), "Total number of impersonation attempts split by mode and decision.", labels);
  const durations = metrics.histogram(
    named("attempts_duration_seconds"),
    "Latency of impersonation attempts in seconds split by mode and decision.",
    buckets,
    labels,
  );
  const questions = metrics.counter(
    named("authorization_attempts_total"),
    "Total number of authorization checks made by the impersonation handler split by mode and decision.",
    labels,
  );
  const questionDurations = metrics.histogram(
    named("authorization_attempts_duration_seconds"),
    "Latency of authorization checks made by the impersonation handler in seconds split by mode and decision.",
    buckets,
    labels,
  );
  return {
    attempted(mode, seconds) {
      const decision = mode ? "allowed" : "denied";
      attempts.inc(mode ?? "", decision);
      durations.observe(seconds, mode ?? "", decision);
    },
    asked(mode, allowed, seconds) {
      const decision = allowed ? "allowed" : "denied";
      questions.inc(mode, decision);
      questionDurations.observe(seconds, mode, decision);
    },
  };
}
