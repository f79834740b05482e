/**
 * The API server's own metrics under upstream's names and with its labels (k8s.io/apiserver/pkg/endpoints/metrics/metrics.go).
 * A request is counted once it has come to a resource that is served, as upstream has it: nobody can make series by asking
 * for what there is not. A request finds its series by comparing a few texts.
 */
import type { ApiRequest } from "../../api/exchange.ts";
import type { Metrics, Sample } from "../../base/metrics.ts";
import type { RequestInfo } from "../request-info.ts";

const sliBuckets = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const durationBuckets = [0.005, 0.025, ...sliBuckets];
const responseBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const bodyBuckets = Array.from({ length: 31 }, (_, i) => 50_000 + 100_000 * i);

/** Series of requests that agree in all that is told apart. */
export interface RequestSeries {
  /** The answer is complete, `bytes` long where that is known; `waited` of the seconds the request stood in a queue. */
  done(code: number, seconds: number, bytes: number | undefined, waited?: number): void;
  /** Bytes of the body of a request that writes, where they are known. */
  received(bytes: number | undefined): void;
  /** Those that the server sends itself. */
  readonly ownRequests: Sample;
  readonly running: Sample;
  /** Answered in the place of whoever should have, with this code. */
  terminated(code: number): void;
  aborted(): void;
}

interface Known extends RequestSeries {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly subresource: string;
  readonly scope: string;
  /** By what the request says of itself. */
  readonly said: string;
  readonly dryRun: string;
}

const connects = new Set(["log", "exec", "portforward", "attach", "proxy"]);
const endless = new Set(["WATCH", "CONNECT"]);
const methods = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** As upstream's routes are installed: a name in a field selector makes no list a resource. */
function scopeOf({ isResource, parts, namespace, verb }: RequestInfo): string {
  if (parts.length > 1 || verb === "create") return "resource";
  return namespace ? "namespace" : isResource ? "cluster" : "";
}
/** Where no route says it: of custom resources, and of what is counted before or beside a route (metrics.CleanScope). */
export const saidScope = (info: RequestInfo): string => (info.name ? "resource" : scopeOf(info));
/** As metrics and traces name it: LIST, APPLY, CONNECT, ... */
export function verbOf({ method, headers }: Pick<ApiRequest, "method" | "headers">, info: RequestInfo, scope: string): string {
  if (info.verb === "watch") return "WATCH";
  if (info.subresource && connects.has(info.subresource)) return "CONNECT";
  if (method === "GET" || method === "HEAD") return scope === "namespace" || scope === "cluster" ? "LIST" : "GET";
  if (method === "PATCH" && headers["content-type"] === "application/apply-patch+yaml") return "APPLY";
  return methods.has(method) ? method : "OTHER";
}
function dryRunOf({ query }: Pick<ApiRequest, "query">): string {
  if (query.size === 0) return "";
  const given = query.getAll("dryRun");
  return given.length === 0 ? "" : given.every((one) => one === "All") ? "All" : "invalid";
}

/** What left HTTP was answered by no handler, in no bytes. */
const unwritten = 0;

/** Of a request, where it is known before it was read. */
export function bodyBytes({ body, headers }: Pick<ApiRequest, "body" | "headers">): number | undefined {
  if (body === undefined) return 0;
  if (body instanceof Uint8Array) return body.length;
  return headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
}

function listOf(lists: Map<string, Known[]>, key: string): Known[] {
  const known = lists.get(key);
  if (known) return known;
  const list: Known[] = [];
  lists.set(key, list);
  return list;
}

export interface ServerMetrics {
  readonly inflight: { readonly readOnly: Sample; readonly mutating: Sample };
  readonly inqueue: { readonly readOnly: Sample; readonly mutating: Sample };
  /** Of a resource that is served; `unrouted`: by no route of its own. */
  of(request: Pick<ApiRequest, "method" | "headers" | "query">, info: RequestInfo, unrouted?: boolean): RequestSeries;
  /** Of a path that is served and no resource. */
  ofPath(method: string, path: string): RequestSeries;
  deprecated(info: RequestInfo): void;
}

export function createServerMetrics(metrics: Metrics): ServerMetrics {
  const place = ["group", "version", "resource", "subresource", "scope"];
  const labels = ["verb", "dry_run", ...place, "component"];
  const plain = ["verb", ...place, "component"];
  const total = metrics.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
    [...labels, "code"],
  );
  const duration = metrics.histogram(
    "apiserver_request_duration_seconds",
    "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
    durationBuckets,
    labels,
  );
  const sli = metrics.histogram(
    "apiserver_request_sli_duration_seconds",
    "Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.",
    sliBuckets,
    plain,
  );
  const sizes = metrics.histogram(
    "apiserver_response_sizes",
    "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
    responseBuckets,
    plain,
  );
  const bodies = metrics.histogram("apiserver_request_body_size_bytes", "Apiserver request body size in bytes broken out by resource and verb.", bodyBuckets, [
    "group",
    "resource",
    "verb",
  ]);
  const longRunning = metrics.gauge(
    "apiserver_longrunning_requests",
    "Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.",
    plain,
  );
  const terminations = metrics.counter("apiserver_request_terminations_total", "Number of requests which apiserver terminated in self-defense.", [
    ...plain,
    "code",
  ]);
  const aborts = metrics.counter(
    "apiserver_request_aborts_total",
    "Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope",
    ["verb", ...place],
  );
  const own = metrics.counter("apiserver_selfrequest_total", "Counter of apiserver self-requests broken out for each verb, API resource and subresource.", [
    "verb",
    "group",
    "resource",
    "subresource",
  ]);
  const deprecated = metrics.gauge(
    "apiserver_requested_deprecated_apis",
    "Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.",
    ["group", "version", "resource", "subresource", "removed_release"],
  );
  const kind = ["request_kind"];
  const inflight = metrics.gauge(
    "apiserver_current_inflight_requests",
    "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
    kind,
  );
  const inqueue = metrics.gauge(
    "apiserver_current_inqueue_requests",
    "Maximal number of queued requests in this apiserver per request kind in last second.",
    kind,
  );

  const make = (where: Omit<Known, keyof RequestSeries>, saidVerb: string, resource: string, action: string, component: string): Known => {
    const { verb, dryRun, group, version, subresource, scope, said } = where;
    const there: [string, string, string, string, string] = [group, version, resource, subresource, scope];
    const saidThere: [string, string, string, string, string, string] = [saidVerb, group, version, resource, subresource, said];
    const observe = duration.series(verb, dryRun, ...there, component);
    const observeSli = dryRun === "" && !endless.has(verb) ? sli.series(verb, ...there, component) : undefined;
    const isRead = verb === "GET" || verb === "LIST" || verb === "WATCH" || subresource === "log";
    const codes = new Map<number, Sample>();
    let sized: ((bytes: number) => void) | undefined;
    let body: ((bytes: number) => void) | undefined;
    let running: Sample | undefined;
    let ownRequests: Sample | undefined;
    return {
      ...where,
      done(status, seconds, bytes, waited = 0) {
        const code = status === 101 ? unwritten : status;
        let counter = codes.get(code);
        if (!counter) {
          counter = total.with(verb, dryRun, ...there, component, String(code));
          codes.set(code, counter);
        }
        counter.value++;
        observe(seconds);
        observeSli?.(seconds - waited);
        if (bytes === undefined || !isRead) return;
        sized ??= sizes.series(verb, ...there, component);
        sized(code === unwritten ? 0 : bytes);
      },
      received(bytes) {
        if (bytes === undefined) return;
        body ??= bodies.series(group, resource, action);
        body(bytes);
      },
      get ownRequests() {
        ownRequests ??= own.with(verb, group, resource, subresource);
        return ownRequests;
      },
      get running() {
        running ??= longRunning.with(...saidThere, component);
        return running;
      },
      terminated: (code) => terminations.inc(...saidThere, component, String(code)),
      aborted: () => aborts.inc(...saidThere),
    };
  };
  const resources = new Map<string, Known[]>();
  const paths = new Map<string, Known[]>();
  return {
    inflight: { readOnly: inflight.with("readOnly"), mutating: inflight.with("mutating") },
    inqueue: { readOnly: inqueue.with("readOnly"), mutating: inqueue.with("mutating") },
    of(request, info, unrouted = false) {
      const { group, version, resource, subresource } = info;
      const said = saidScope(info);
      const scope = unrouted ? said : scopeOf(info);
      const verb = verbOf(request, info, scope);
      const dryRun = dryRunOf(request);
      const known = listOf(resources, resource);
      for (let i = 0; i < known.length; i++) {
        const one = known[i] as Known;
        if (
          one.verb === verb &&
          one.scope === scope &&
          one.said === said &&
          one.subresource === subresource &&
          one.group === group &&
          one.version === version &&
          one.dryRun === dryRun
        )
          return one;
      }
      const made = make(
        { verb, group, version, subresource, scope, said, dryRun },
        verbOf(request, info, said),
        resource,
        info.verb === "deletecollection" ? "delete_collection" : info.verb,
        "apiserver",
      );
      known.push(made);
      return made;
    },
    ofPath(method, path) {
      const verb = method === "HEAD" ? "GET" : method === "GET" || methods.has(method) ? method : "OTHER";
      const known = listOf(paths, path);
      const found = known.find((one) => one.verb === verb);
      if (found) return found;
      const made = make({ verb, group: "", version: "", subresource: path, scope: "", said: "", dryRun: "" }, verb, "", "", "");
      known.push(made);
      return made;
    },
    deprecated: ({ group, version, resource, subresource }) => deprecated.set(1, group, version, resource, subresource, ""),
  };
}
