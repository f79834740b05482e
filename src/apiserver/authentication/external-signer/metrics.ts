/** What is counted of an external signer (pkg/serviceaccount/externaljwt/metrics). */
import type { Clock } from "../../../base/clock.ts";
import { codeOf } from "../../../base/grpc/error.ts";
import type { Metrics } from "../../../base/metrics.ts";

export interface SignerSeries {
  /** A token was asked for. */
  signed(error?: Error): void;
  /** Keys were asked for; `dataTime` in seconds since the epoch, where that went well. */
  fetched(outcome: { dataTime: number } | { error: Error }): void;
  called(method: string, seconds: number, error?: Error): void;
}

export function signerSeries(metrics: Metrics, clock: Clock): SignerSeries {
  const name = (rest: string): string => `apiserver_externaljwt_${rest}`;
  const code = (error?: Error): string => (error ? codeOf(error) : "OK");
  const fetchedAt = metrics.gauge(name("fetch_keys_success_timestamp"), "Unix Timestamp in seconds of the last successful FetchKeys request");
  const dataAt = metrics.gauge(
    name("fetch_keys_data_timestamp"),
    "Unix Timestamp in seconds of the last successful FetchKeys data_timestamp value returned by the external signer",
  );
  const fetches = metrics.counter(name("fetch_keys_request_total"), "Total attempts at syncing supported JWKs", ["code"]);
  const signatures = metrics.counter(name("sign_request_total"), "Total attempts at signing JWT", ["code"]);
  const durations = metrics.histogram(
    name("request_duration_seconds"),
    "Request duration and time for calls to external-jwt-signer",
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    ["method", "code"],
  );
  return {
    signed(error) {
      signatures.with(code(error)).value++;
    },
    fetched(outcome) {
      const error = "error" in outcome ? outcome.error : undefined;
      fetches.with(code(error)).value++;
      if ("error" in outcome) return;
      fetchedAt.with().value = clock.now() / 1000;
      dataAt.with().value = outcome.dataTime;
    },
    called: (method, seconds, error) => durations.observe(seconds, method, code(error)),
  };
}
