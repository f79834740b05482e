/** What webhooks and conditions do to requests (k8s.io/apiserver/pkg/admission/metrics/metrics.go). */
import type { Metrics } from "../../base/metrics.ts";

export type HookType = "admit" | "validating";
export type RejectionType = "calling_webhook_error" | "apiserver_internal_error" | "no_error";

export interface WebhookSeries {
  called(name: string, type: HookType, operation: string, code: number, rejected: boolean, seconds: number): void;
  rejected(name: string, type: HookType, operation: string, error: RejectionType, code: number): void;
  failedOpen(name: string, type: HookType): void;
}
export interface ConditionSeries {
  /** `kind`: webhook or policy. */
  evaluated(name: string, kind: string, type: string, operation: string, seconds: number): void;
  failed(name: string, kind: string, type: string, operation: string, times: number): void;
  excluded(name: string, kind: string, type: string, operation: string): void;
}

const largestCode = 600;
const codeText = (code: number): string => String(Math.min(code, largestCode));

export function webhookSeries(metrics: Metrics): WebhookSeries {
  const duration = metrics.histogram(
    "apiserver_admission_webhook_admission_duration_seconds",
    "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
    [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10, 25],
    ["name", "type", "operation", "rejected"],
  );
  const requests = metrics.counter(
    "apiserver_admission_webhook_request_total",
    "Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
    ["name", "type", "operation", "code", "rejected"],
  );
  const rejections = metrics.counter(
    "apiserver_admission_webhook_rejection_count",
    "Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
    ["name", "type", "operation", "error_type", "rejection_code"],
  );
  const open = metrics.counter(
    "apiserver_admission_webhook_fail_open_count",
    "Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).",
    ["name", "type"],
  );
  return {
    called(name, type, operation, code, rejected, seconds) {
      requests.inc(name, type, operation, codeText(code), String(rejected));
      duration.observe(seconds, name, type, operation, String(rejected));
    },
    rejected: (name, type, operation, error, code) => rejections.inc(name, type, operation, error, codeText(code)),
    failedOpen: (name, type) => open.inc(name, type),
  };
}

export function conditionSeries(metrics: Metrics): ConditionSeries {
  const labels = ["name", "kind", "type", "operation"];
  const seconds = metrics.histogram(
    "apiserver_admission_match_condition_evaluation_seconds",
    "Admission match condition evaluation time in seconds, identified by name and broken out for each kind containing matchConditions (webhook or policy), operation and type (validate or admit).",
    [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25],
    labels,
  );
  const errors = metrics.counter(
    "apiserver_admission_match_condition_evaluation_errors_total",
    "Admission match condition evaluation errors count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
    labels,
  );
  const exclusions = metrics.counter(
    "apiserver_admission_match_condition_exclusions_total",
    "Admission match condition evaluation exclusions count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
    labels,
  );
  return {
    evaluated: (name, kind, type, operation, took) => seconds.observe(took, name, kind, type, operation),
    failed: (name, kind, type, operation, times) => errors.add(times, name, kind, type, operation),
    excluded: (name, kind, type, operation) => exclusions.inc(name, kind, type, operation),
  };
}
