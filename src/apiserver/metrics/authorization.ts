/**
 * What authorization counts (k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics, pkg/authorization/cel/metrics.go,
 * pkg/server/options/authorizationconfig/metrics).
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
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

export interface ReloadSeries {
  /** `text` is in force now. */
  configured(text: string): void;
  /** The file was read again; without a text it is not used. */
  reloaded(text: string | undefined): void;
}

const hashOf = (text: string): string => (text ? `sha256:${createHash("sha256").update(text).digest("hex")}` : "");

/** `section`: what is configured, as names of series have it. `server`: the API server's own name. */
export function reloadSeries(metrics: Metrics, clock: Clock, section: "authorization" | "authentication", server: string): ReloadSeries {
  const of = (rest: string): string => `apiserver_${section}_config_controller_${rest}`;
  const labels = ["status", "apiserver_id_hash"];
  const reloads = metrics.counter(
    of("automatic_reloads_total"),
    `Total number of automatic reloads of ${section} configuration split by status and apiserver identity.`,
    labels,
  );
  const last = metrics.gauge(
    of("automatic_reload_last_timestamp_seconds"),
    `Timestamp of the last automatic reload of ${section} configuration split by status and apiserver identity.`,
    labels,
  );
  const info = metrics.gauge(
    of("last_config_info"),
    `Information about the last applied ${section} configuration with hash as label, split by apiserver identity.`,
    ["apiserver_id_hash", "hash"],
  );
  const id = hashOf(server);
  const configured = (text: string): void => {
    info.clear();
    info.set(1, id, hashOf(text));
  };
  return {
    configured,
    reloaded(text) {
      const status = text === undefined ? "failure" : "success";
      reloads.inc(status, id);
      last.set(clock.now() / 1000, status, id);
      if (text !== undefined) configured(text);
    },
  };
}
