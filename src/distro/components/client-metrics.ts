/** Metrics of a component's requests to the API server (k8s.io/component-base/metrics/prometheus/restclient). */
import type { Clock } from "../../base/clock.ts";
import type { Histogram, Metrics, Value } from "../../base/metrics.ts";
import { StatusError } from "../../api/status.ts";
import type { ClientRequest, Transport } from "../../client/transport.ts";

const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export class ClientMetrics {
  readonly #clock: Clock;
  readonly #total: Value;
  readonly #duration: Histogram;

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.#total = metrics.counter("rest_client_requests_total", "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.", [
      "code",
      "host",
      "method",
    ]);
    this.#duration = metrics.histogram("rest_client_request_duration_seconds", "[ALPHA] Request latency in seconds. Broken down by verb, and host.", buckets, [
      "host",
      "verb",
    ]);
  }

  /** The same transport, counted. `server` is its URL. */
  measure(transport: Transport, server: string): Transport {
    const { host } = new URL(server);
    const count = ({ method }: ClientRequest, code: string): void => this.#total.inc(code, host, method);
    const codeOf = (error: unknown): string => (error instanceof StatusError ? String(error.code) : "<error>");
    const timed = async <T extends { status: number }>(request: ClientRequest, answer: Promise<T>): Promise<T> => {
      const started = this.#clock.monotonic();
      try {
        const response = await answer;
        count(request, String(response.status));
        return response;
      } catch (error) {
        if (!request.signal?.aborted) count(request, codeOf(error));
        throw error;
      } finally {
        this.#duration.observe((this.#clock.monotonic() - started) / 1000, host, request.method);
      }
    };
    return {
      request: (request) => timed(request, transport.request(request)),
      stream: (request) => timed(request, transport.stream(request)),
      async *watch(request) {
        let answered = false;
        try {
          for await (const event of transport.watch(request)) {
            if (!answered) count(request, "200");
            answered = true;
            yield event;
          }
          if (!answered) count(request, "200");
        } catch (error) {
          if (!answered && !request.signal?.aborted) count(request, codeOf(error));
          throw error;
        }
      },
      [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
    };
  }
}
