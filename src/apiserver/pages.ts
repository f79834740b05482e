/** Paths that are neither a resource's nor a document: the list of paths, health, metrics, /statusz and /flagz. Any method will do. */
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { type HealthCheck, HealthSLIs } from "../api/health-checks.ts";
import type { Clock } from "../base/clock.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
import { health, healthPaths } from "./health.ts";
import { metricsPage } from "./metrics/page.ts";
import type { RequestSeries, ServerMetrics } from "./metrics/requests.ts";
import type { RequestInfo } from "./request-info.ts";
import { type Described, ZPages } from "./zpages.ts";

export interface PagesOptions {
  checks: Readonly<Record<string, readonly HealthCheck[]>>;
  clock: Clock;
  random: Random;
  metrics: Metrics;
  requests: ServerMetrics;
  described: Described | undefined;
  /** What others answer. */
  paths(): Iterable<string>;
}

export class Pages {
  readonly #options: PagesOptions;
  readonly #slis: HealthSLIs;
  readonly #zpages: ZPages;

  constructor(options: PagesOptions) {
    const { clock, random, requests, described } = options;
    this.#options = options;
    this.#slis = new HealthSLIs(described?.started ?? clock.now());
    this.#zpages = new ZPages({ ...described, clock, random, metrics: requests, listed: () => this.#listed() });
  }

  #listed(): string[] {
    const { checks, paths } = this.#options;
    return [...new Set([...paths(), ...healthPaths(checks), ...this.#zpages.paths, "/metrics", "/metrics/slis"])].sort();
  }

  /** Undefined for every other path. `arrived` is told in which series a page is counted. */
  async answer(request: ApiRequest, info: RequestInfo, arrived: (series: RequestSeries) => void): Promise<ApiResponse | undefined> {
    const { checks, metrics, requests } = this.#options;
    const { method, query } = request;
    const { path } = info;
    const shown = (await health(checks, path, query, this.#slis)) ?? metricsPage(method, path, metrics, this.#slis);
    if (shown) {
      arrived(requests.ofPath(method, path));
      return shown;
    }
    const page = this.#zpages.answer(request, info, arrived);
    if (page || (path !== "/" && path !== "/index.html")) return page;
    return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify({ paths: this.#listed() }, null, 2)) };
  }
}
