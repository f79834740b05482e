/** What conversion webhooks of custom resources cost (apiextensions-apiserver/pkg/apiserver/conversion/metrics.go). */
import type { Metrics } from "../../base/metrics.ts";

export type ConversionFailure =
  | "conversion_webhook_call_failure"
  | "conversion_webhook_malformed_response_failure"
  | "conversion_webhook_partial_response_failure"
  | "conversion_webhook_invalid_converted_object_failure";

export interface Conversion {
  definition: string;
  from: string;
  to: string;
}
export interface ConversionSeries {
  converted(conversion: Conversion, failure: ConversionFailure | undefined, succeeded: boolean, seconds: number): void;
}

export function conversionSeries(metrics: Metrics): ConversionSeries {
  const perDefinition = metrics.histogram(
    "apiserver_crd_conversion_webhook_duration_seconds",
    "CRD webhook conversion duration in seconds",
    Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i),
    ["crd_name", "from_version", "to_version", "succeeded"],
  );
  const requests = metrics.counter(
    "apiserver_conversion_webhook_request_total",
    "Counter for conversion webhook requests with success/failure and failure error type",
    ["result", "failure_type"],
  );
  const duration = metrics.histogram(
    "apiserver_conversion_webhook_duration_seconds",
    "Conversion webhook request latency",
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60],
    ["result", "failure_type"],
  );
  return {
    converted({ definition, from, to }, failure, succeeded, seconds) {
      const labels = [succeeded ? "success" : "failure", failure ?? ""] as const;
      perDefinition.observe(seconds, definition, from, to, String(succeeded));
      requests.inc(...labels);
      duration.observe(seconds, ...labels);
    },
  };
}
