/**
 * What authorization counts (k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics, pkg/authorization/cel/metrics.go).
 */
import type { Metrics } from "../../base/metrics.ts";

export type EvaluationResult = "success" | "canceled" | "timeout" | "error";

export interface WebhookAuthorizerSeries {
  /** One round trip. */
  asked(name: string, result: EvaluationResult, seconds: number): void;
  failedOpen(name: string, result: EvaluationResult): void;
  conditionsEvaluated(name: string, seconds: number): void;
  conditionsFailed(name: string): void;
  conditionsExcluded(name: string): void;
}

const named = (rest: string): string => `apiserver_authorization_${rest}`;

export function webhookAuthorizerSeries(metrics: Metrics): WebhookAuthorizerSeries {
  const byResult = ["name", "result"];
  const evaluations = metrics.counter(named("webhook_evaluations_total"), "Round-trips to authorization webhooks.", byResult);
  const durations = metrics.histogram(
    named("webhook_duration_seconds"),
    "Request latency in seconds.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    byResult,
  );
  const open = metrics.counter(named("webhook_evaluations_fail_open_total"), "NoOpinion results due to webhook timeout or error.", byResult);
  const byType = ["type", "name"];
  const errors = metrics.counter(
    named("match_condition_evaluation_errors_total"),
    "Total number of errors when an authorization webhook encounters a match condition error split by authorizer type and name.",
    byType,
  );
  const exclusions = metrics.counter(
    named("match_condition_exclusions_total"),
    "Total number of exclusions when an authorization webhook is skipped because match conditions exclude it.",
    byType,
  );
  const seconds = metrics.histogram(
    named("match_condition_evaluation_seconds"),
    "Authorization match condition evaluation time in seconds, split by authorizer type and name.",
    [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25],
    byType,
  );
  return {
    asked(name, result, took) {
      evaluations.inc(name, result);
      durations.observe(took, name, result);
    },
    failedOpen: (name, result) => open.inc(name, result),
    conditionsEvaluated: (name, took) => seconds.observe(took, "Webhook", name),
    conditionsFailed: (name) => errors.inc("Webhook", name),
    conditionsExcluded: (name) => exclusions.inc("Webhook", name),
  };
}
