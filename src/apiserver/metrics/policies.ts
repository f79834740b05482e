/** What admission policies decide (k8s.io/apiserver/pkg/admission/plugin/policy/{validating,mutating}/metrics). */
import type { Metrics } from "../../base/metrics.ts";

export type PolicyErrorType = "compile_error" | "invalid_error" | "out_of_budget" | "no_error";
export type Enforcement = "allow" | "deny" | "audit" | "warn";

export interface PolicySeries {
  validated(policy: string, binding: string, error: PolicyErrorType, action: Enforcement, seconds: number): void;
  mutated(policy: string, binding: string, error: PolicyErrorType, seconds: number): void;
}

const buckets = [0.0000005, 0.001, 0.01, 0.1, 1.0];

export function errorTypeOf(message: string): PolicyErrorType {
  if (message.startsWith("compilation")) return "compile_error";
  return message.startsWith("validation failed due to running out of cost budget") ? "out_of_budget" : "invalid_error";
}

export function policySeries(metrics: Metrics): PolicySeries {
  const validating = ["policy", "policy_binding", "error_type", "enforcement_action"];
  const mutating = validating.slice(0, 3);
  const checks = metrics.counter(
    "apiserver_validating_admission_policy_check_total",
    "Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.",
    validating,
  );
  const checkSeconds = metrics.histogram(
    "apiserver_validating_admission_policy_check_duration_seconds",
    "Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.",
    buckets,
    validating,
  );
  const mutations = metrics.counter(
    "apiserver_mutating_admission_policy_check_total",
    "Mutation admission policy check total, labeled by policy and further identified by binding.",
    mutating,
  );
  const mutationSeconds = metrics.histogram(
    "apiserver_mutating_admission_policy_check_duration_seconds",
    "Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.",
    buckets,
    mutating,
  );
  return {
    validated(policy, binding, error, action, seconds) {
      checks.inc(policy, binding, error, action);
      checkSeconds.observe(seconds, policy, binding, error, action);
    },
    mutated(policy, binding, error, seconds) {
      mutations.inc(policy, binding, error);
      mutationSeconds.observe(seconds, policy, binding, error);
    },
  };
}
