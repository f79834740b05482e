/** /statusz and /flagz of the API server (feature gates ComponentStatusz and ComponentFlagz), and how they are counted. */
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { answerZPage, flagz, statusz, type ZPage } from "../api/zpages.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { RequestSeries, ServerMetrics } from "./metrics/requests.ts";
import type { RequestInfo } from "./request-info.ts";

/** What the process knows of itself. */
export interface Described {
  /** When it began, in milliseconds. @default now */
  started?: number;
  /** Its command line's flags with the values that they have; absent: there is no /flagz, as where upstream's server has no command line. */
  flags?: Readonly<Record<string, string>>;
}

export interface ZPagesOptions extends Described {
  clock: Clock;
  random: Random;
  metrics: ServerMetrics;
  /** Paths that are served. */
  listed(): readonly string[];
}

const component = "apiserver";

export class ZPages {
  readonly paths: readonly string[];
  readonly #pages: ReadonlyMap<string, ZPage>;
  readonly #metrics: ServerMetrics;

  constructor({ started, flags, clock, random, metrics, listed }: ZPagesOptions) {
    this.#metrics = metrics;
    const status = statusz({ component, started: started ?? clock.now(), now: () => clock.now(), paths: listed, random });
    this.#pages = new Map([["/statusz", status], ...(flags ? [["/flagz", flagz(component, flags, random)] as const] : [])]);
    this.paths = [...this.#pages.keys()];
  }

  /** Undefined for every other path. Any method will do. */
  answer(request: ApiRequest, info: RequestInfo, arrived: (series: RequestSeries) => void): ApiResponse | undefined {
    const page = this.#pages.get(info.path);
    if (!page) return undefined;
    const { version, ...answer } = answerZPage(page, {
      accept: request.headers.accept,
      userAgent: request.headers["user-agent"],
      pretty: request.query.get("pretty"),
      cbor: request.cbor === true,
    });
    const counted = { ...info, group: version ? "config.k8s.io" : "", version: version ?? "", resource: page.kind.toLowerCase(), subresource: "" };
    arrived(this.#metrics.of(request, counted));
    if (version === "v1alpha1") this.#metrics.deprecated(counted);
    return answer;
  }
}
