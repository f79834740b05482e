/** The server as a client of webhooks (k8s.io/component-base/metrics/prometheus/restclient, k8s.io/apiserver/pkg/util/webhook/metrics.go). */
import type { Metrics } from "../../base/metrics.ts";
import type { OutgoingSeries } from "../outside/post.ts";
import { certificateSeries } from "./certificates.ts";

const durations = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const bytes = [64, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216];
/** Questions are asked with it. */
const method = "POST";

export function outgoingSeries(metrics: Metrics): OutgoingSeries {
  const labels = ["verb", "host"];
  const total = metrics.counter("rest_client_requests_total", "Number of HTTP requests, partitioned by status code, method, and host.", [
    "code",
    "method",
    "host",
  ]);
  const duration = metrics.histogram("rest_client_request_duration_seconds", "Request latency in seconds. Broken down by verb, and host.", durations, labels);
  const sent = metrics.histogram("rest_client_request_size_bytes", "Request size in bytes. Broken down by verb and host.", bytes, labels);
  const received = metrics.histogram("rest_client_response_size_bytes", "Response size in bytes. Broken down by verb and host.", bytes, labels);
  return {
    certificates: certificateSeries(metrics, "webhooks"),
    sent: (host, size) => sent.observe(size, method, host),
    answered: (host, status) => total.inc(status === undefined ? "<error>" : String(status), method, host),
    received: (host, size) => received.observe(size, method, host),
    took: (host, seconds) => duration.observe(seconds, method, host),
  };
}
