/**
 * The API server: from a request to its answer through authentication, impersonation, audit, authorization and the verbs.
 * One handler serves the wire and the in-process transport alike.
 */
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from "../api/exchange.ts";
import { type ResourceDef, resources } from "../api/schema/schema.ts";
import { badRequest, internalError, notFound, StatusError, timeout } from "../api/status.ts";
import type { Status } from "../api/types/meta-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
import type { Span, Tracer } from "../base/tracing/span.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { Access } from "./access.ts";
import { askItself, loopbackUser } from "./ask-itself.ts";
import type { Aggregator } from "./aggregation/aggregator.ts";
import { audited } from "./audit/answered.ts";
import type { AuditRecord, Auditor } from "./audit/auditor.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import type { Authorizer } from "./authorization/authorizer.ts";
import { isNobody } from "./authentication/anonymous.ts";
import { Undecided } from "./authorization/undecided.ts";
import { type Limiter, TooManyRequests } from "./flowcontrol/limiter.ts";
import { MaxInFlight } from "./flowcontrol/max-in-flight.ts";
import { Visit } from "./flowcontrol/visit.ts";
import { isLong } from "./long-running.ts";
import type { CustomResources } from "./customresources/custom-resources.ts";
import { createDocuments } from "./documents.ts";
import type { AddedOpenAPI } from "./openapi.ts";
import type { HealthCheck } from "../api/health-checks.ts";
import { serverChecks } from "./health.ts";
import { discoverySeries } from "./metrics/discovery.ts";
import { bodyBytes, createServerMetrics, type RequestSeries } from "./metrics/requests.ts";
import { restSeries } from "./metrics/rest.ts";
import { Pages } from "./pages.ts";
import { parseRequestInfo, readableInfo, type RequestInfo, UnknownRequest } from "./request-info.ts";
import type { AdmissionChain, Call, Endpoint, Registry, Rest } from "./rest/call.ts";
import { admitConnect, admitted } from "./rest/connect.ts";
import { FrameCache } from "./rest/frames.ts";
import { errorForm, type Form } from "./rest/negotiate.ts";
import { respondError } from "./rest/respond.ts";
import { askedLimit, TimeLimit } from "./time-limit.ts";
import { beginTrace, enterStep, traced, verbSpan } from "./tracing/request-trace.ts";
import { AdmittedUpgrade, mayNotCreate } from "./upgrades.ts";
import { whenEnded } from "./when-ended.ts";
import type { Described } from "./zpages.ts";
import { Served } from "./served.ts";
import { type Connectors, exists, leavesHttp, noSuchResource, notFoundPage, route, unknownPage } from "./router.ts";

export interface ApiServerOptions {
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: Metrics;
  cache: WatchCache;
  authenticator: Authenticator;
  authorizer: Authorizer;
  admission: AdmissionChain;
  /** The built-in resources that are served. @default those of upstream's defaults */
  resources?: readonly ResourceDef[];
  /** What definitions add to the resources that are built in. */
  custom?: CustomResources;
  openapi?: AddedOpenAPI;
  /** By groupResource. */
  registries: Readonly<Record<string, Registry>>;
  auditor?: Auditor;
  /** Absent: no traces. */
  tracer?: Tracer;
  /** exec, log, proxy and the like: `pods/log`. */
  connectors?: Connectors;
  /** Besides the built-in ones. */
  checks?: readonly HealthCheck[];
  /** What /statusz and /flagz tell. */
  described?: Described;
  /** Answers what no built-in path does (OpenAPI, well-known documents); authorized like any path. */
  extra?: (request: ApiRequest) => ApiResponse | undefined | Promise<ApiResponse | undefined>;
  /** What of it clients are told of. */
  extraPaths?: Iterable<string>;
  /** API servers behind this one. */
  aggregator?: Aggregator;
  /** `HOST:PORT` for clients. */
  serverAddress?: string;
  /** How many requests are carried out at the same time. @default 400 that read and 200 that write */
  limiter?: Limiter;
  /** @default 60 */
  requestTimeoutSeconds?: number;
  /** Feature gate CBORServingAndStorage. @default false */
  cbor?: boolean;
  /** @default 1800 */
  minWatchSeconds?: number;
  /** Resources that are refused as long as nothing of ours enforces them, and that somebody else does enforce: they are accepted. */
  enforcedElsewhere?: readonly string[];
}

export interface ApiServer {
  readonly handler: ApiHandler;
  readonly rest: Rest;
  endpoint(group: string, version: string, resource: string): Endpoint | undefined;
  /** Who asks, checked against the path: for connections that leave HTTP. Throws StatusError. */
  admit(request: ApiRequest): Promise<AdmittedUpgrade>;
  /** Whether such a request may leave HTTP where it is admitted. */
  mayUpgrade(request: ApiRequest): boolean;
  /** /readyz fails and watches end; requests are still answered. */
  beginShutdown(): void;
}

const writingVerbs = new Set(["create", "update", "patch", "delete", "deletecollection"]);
/** A WebSocket opens with GET; it takes the right to create all the same (pkg/registry/core/pod/rest/authorize.go). */
const createdByUpgrade = new Set(["pods/attach", "pods/exec", "pods/portforward"]);

/** The core group has a way of its own; a group without a name has none. */
const withoutName = /^\/(apis\/)?\//;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, logger, authorizer, cache, aggregator } = options;
  const metrics = createServerMetrics(options.metrics);
  const stopping = new AbortController();
  const builtIn = options.resources ?? resources;
  const served = new Served(cache, options.registries, builtIn, options.custom, options.enforcedElsewhere);
  const documents = createDocuments(
    () => served.defs(),
    () => options.serverAddress ?? "127.0.0.1:6443",
    aggregator,
    options.openapi,
    builtIn,
    discoverySeries(options.metrics),
    () => clock.now(),
  );
  const checks = serverChecks(options.checks ?? [], () => cache.check(), stopping.signal);
  const paths = (): string[] => [...documents.paths(), ...(options.extraPaths ?? [])];
  const pages = new Pages({ checks, clock, random: options.random, metrics: options.metrics, requests: metrics, described: options.described, paths });

  const access = new Access({
    authenticator: options.authenticator,
    authorizer,
    metrics: options.metrics,
    clock,
    queues: options.limiter?.queues === true,
  });
  const rest: Rest = {
    clock,
    random: options.random,
    logger,
    admission: options.admission,
    authorize: (attributes) => access.authorize(attributes),
    hubEndpoint: (resource) => served.hub(resource),
    equivalents: (endpoint) => served.equivalents(endpoint),
    endpointOfKind: (apiVersion, kind) => served.ofKind(apiVersion, kind),
    ask: (own) => askItself(handle, own),
    frames: new FrameCache(),
    ...restSeries(options.metrics),
    stopping: stopping.signal,
    minWatchSeconds: options.minWatchSeconds ?? 1800,
  };

  const connectors = admitted(options.connectors);

  /** What was warned of before a request failed. */
  const warned = new WeakMap<StatusError, string[]>();
  const { limiter = new MaxInFlight(400, 200) } = options;
  const gate = { limiter, clock, inflight: metrics.inflight, inqueue: metrics.inqueue };
  const longest = (options.requestTimeoutSeconds ?? 60) * 1000;
  const limit = new TimeLimit(clock, longest, stopping.signal);

  function callOf(request: ApiRequest, info: RequestInfo, user: UserInfo, endpoint: Endpoint, audit?: AuditRecord): Call {
    const warnings: string[] = [];
    let said: Set<string> | undefined;
    const warn = (message: string): void => {
      said ??= new Set();
      if (said.has(message)) return;
      said.add(message);
      warnings.push(message);
    };
    if (endpoint.deprecation) warn(endpoint.deprecation);
    const form: Form = { media: "json", pretty: false };
    return { rest, request, info, user, endpoint, form, warnings, warn, ...(audit ? { audit } : {}) };
  }

  const existsWithout = (endpoint: Endpoint, info: RequestInfo): boolean => exists(endpoint, { ...info, subresource: "", parts: info.parts.slice(0, 2) });

  /** Upstream's router refuses these, before anything is said of the resource; those of custom resources have no router. */
  const unrouted = ({ custom }: Endpoint, { status }: StatusError, verb: string): boolean =>
    custom === undefined &&
    ((status.code === 405 && !status.details?.kind) || (status.details !== undefined && (status.code === 406 || (status.code === 415 && verb === "patch"))));

  /** `arrived` is told of the series in which the request is counted, once it is known to concern something that there is. */
  async function answer(
    request: ApiRequest,
    info: RequestInfo,
    user: UserInfo,
    audit: AuditRecord | undefined,
    visit: Visit,
    arrived: (series: RequestSeries) => void,
    cut: () => void,
  ): Promise<ApiResponse> {
    const passedOn = (response: ApiResponse): ApiResponse => whenEnded(response, (_, whole) => whole || cut());
    const remote = aggregator?.at(request.path);
    if (remote && aggregator) return passedOn(await aggregator.forward(request, user, remote, isLong(info, request)));
    if (withoutName.test(info.path)) return notFoundPage();
    if (info.isResource) {
      const endpoint = served.endpoint(info.group, info.version, info.resource);
      if (!endpoint || !exists(endpoint, info)) {
        const extra = await options.extra?.(request);
        if (extra) return extra;
        if (endpoint?.custom && info.subresource && existsWithout(endpoint, info)) {
          const error = notFound(endpoint.groupResource, info.name);
          if (endpoint.deprecation !== undefined) warned.set(error, [endpoint.deprecation]);
          throw error;
        }
        if (builtIn.some((def) => def.group === info.group)) throw noSuchResource();
        return notFoundPage();
      }
      arrived(metrics.of(request, info, endpoint.custom !== undefined));
      if (endpoint.def.deprecation) metrics.deprecated(info);
      const call = callOf(request, info, user, endpoint, audit);
      if (info.verb === "watch") call.initialized = () => visit.initialized();
      const inner = request.span && verbSpan(request.span, request, info);
      if (inner) request.span = inner;
      try {
        const response = await route(call, connectors);
        return info.subresource === "proxy" ? passedOn(response) : response;
      } catch (error) {
        if (error instanceof StatusError && call.warnings.length && !unrouted(endpoint, error, info.verb)) warned.set(error, call.warnings);
        throw error;
      } finally {
        inner?.end();
      }
    }
    const page = await pages.answer(request, info, arrived);
    if (page) return page;
    const described = /^\/(openapi\/(v2$|v3$|v3\/))/.exec(info.path)?.[1];
    if (described) arrived(metrics.ofPath(request.method, described));
    const merged = described && (await aggregator?.openapi(request, info.path, user));
    if (merged) return merged;
    return documents.get(request) ?? (await options.extra?.(request)) ?? notFoundPage();
  }

  function failure(request: ApiRequest, error: unknown): ApiResponse {
    if (error instanceof TooManyRequests || error instanceof Undecided) return error.response(request);
    if (error instanceof StatusError) {
      return respondError(error, request, request.asObject ? undefined : errorForm(request, error), warned.get(error));
    }
    if (error instanceof UnknownRequest) return unknownPage(request, error);
    if (request.signal.aborted) return respondError(timeout("request was aborted by the client"), request, undefined);
    // Every step that goes into an object goes as deep as that is: too deep is a mistake of who sent it, wherever it shows.
    if (error instanceof RangeError && error.message.startsWith("Maximum call stack size"))
      return respondError(badRequest("exceeded max depth"), request, undefined);
    logger.error("request handling failed", { method: request.method, path: request.path, error, stack: error instanceof Error ? error.stack : undefined });
    return respondError(internalError(textOf(error)), request, undefined);
  }
  /** Neither a refusal nor the client's going: a fault of the server's own. */
  const isOwnFault = (request: ApiRequest, error: unknown): boolean =>
    !(error instanceof TooManyRequests || error instanceof Undecided || error instanceof StatusError || request.signal.aborted);

  const countedAtEnd = (response: ApiResponse, series: RequestSeries, visit: Visit | undefined, began: number): ApiResponse =>
    whenEnded(response, (sent) => {
      series.running.value--;
      visit?.leave();
      series.done(response.status, (clock.monotonic() - began) / 1000, sent, visit?.waited);
    });

  async function handle(request: ApiRequest): Promise<ApiResponse> {
    const began = clock.monotonic();
    let info: RequestInfo | undefined;
    let response: ApiResponse;
    let visit: Visit | undefined;
    let audit: AuditRecord | undefined;
    let long = false;
    let series: RequestSeries | undefined;
    let refusal: Partial<Status> | undefined;
    let trace: Span | undefined;
    let nobody = false;
    let isIn = false;
    if (options.cbor) request.cbor = true;
    try {
      info = parseRequestInfo(request.method, request.path, request.query);
      const about = info;
      long = isLong(info, request);
      const mayTake = long ? longest : askedLimit(request.query, longest);
      const present = new Visit(gate, info, long, mayTake);
      visit = present;
      let isCut = false;
      const cut = (): void => {
        if (!isCut) metrics.of(request, about).aborted();
        isCut = true;
      };
      const work = (bound: ApiRequest): Promise<ApiResponse> => {
        nobody = !request.user;
        const begun = (who: UserInfo): AuditRecord | undefined => {
          nobody &&= isNobody(who);
          if (options.tracer) {
            trace = beginTrace(options.tracer, bound, about, who, began);
            enterStep(bound, trace, "audit");
          }
          audit = options.auditor?.begin(bound, about, who);
          return audit;
        };
        const entered = (user: UserInfo): Promise<ApiResponse> => {
          isIn = true;
          const arrived = (found: RequestSeries): void => {
            series = found;
            if (user.name === loopbackUser.name) found.ownRequests.value++;
            if (long) found.running.value++;
            else if (writingVerbs.has(about.verb)) found.received(bodyBytes(request));
          };
          return answer(bound, about, user, audit, present, arrived, cut);
        };
        const user = access.identify(bound, about, begun, present);
        return user instanceof Promise ? user.then(entered) : entered(user);
      };
      response = long
        ? await work(request)
        : await limit.run(
            request,
            work,
            mayTake,
            () => {
              series?.terminated(504);
              return timeout("request did not complete within the allotted timeout");
            },
            cut,
          );
    } catch (error) {
      if (error instanceof StatusError) refusal = error.status;
      if (error instanceof TooManyRequests && info && served.endpoint(info.group, info.version, info.resource)) {
        long = false;
        series = metrics.of(request, { ...info, subresource: "" }, true);
        series.terminated(429);
      }
      response = failure(request, error);
      if (isOwnFault(request, error)) audit?.panic(textOf(error));
      // Said of a refusal at the door alone.
      if (!isIn && response.status === 403) response.headers["x-content-type-options"] = "nosniff";
    }
    // Such connections are cheap to open, and requests on them to abandon (CVE-2023-44487).
    if (nobody) response.last = true;
    if (visit) response = visit.answered(response, request, long && series !== undefined);
    if (audit) response = audited(audit, response, long, refusal);
    if (!request.asObject) {
      response.headers["audit-id"] ??= audit?.auditID ?? request.headers["audit-id"] ?? options.random.uuid();
      if (info) response.headers["cache-control"] ??= "no-cache, private";
    }
    if (series) {
      const found: RequestSeries = series;
      const { status, body, size } = response;
      if (!long) found.done(status, (clock.monotonic() - began) / 1000, body instanceof Uint8Array ? body.length : size, visit?.waited);
      else response = countedAtEnd(response, found, visit, began);
    }
    return trace ? traced(trace, response, long) : response;
  }

  return {
    handler: handle,
    rest,
    endpoint: (group, version, resource) => served.endpoint(group, version, resource),
    mayUpgrade(request) {
      if (aggregator?.at(request.path)) return true;
      const info = readableInfo(request);
      const endpoint = info && served.endpoint(info.group, info.version, info.resource);
      return endpoint !== undefined && info !== undefined && exists(endpoint, info) && leavesHttp({ endpoint, info, request }, connectors);
    },
    async admit(request) {
      request.headers["audit-id"] ??= options.random.uuid();
      const info = parseRequestInfo(request.method, request.path, request.query);
      const upgrade = new AdmittedUpgrade(info, clock);
      try {
        const user = await access.identify(request, info, (who) => upgrade.audited(options.auditor?.begin(request, info, who)));
        upgrade.user = user;
        if (aggregator?.at(request.path)) return upgrade;
        const endpoint = served.endpoint(info.group, info.version, info.resource);
        if (!endpoint || !exists(endpoint, info)) throw noSuchResource();
        upgrade.counted(metrics.of(request, info, endpoint.custom !== undefined));
        if (info.verb !== "create" && createdByUpgrade.has(`${info.resource}/${info.subresource}`)) {
          const { decision, reason } = await authorizer.authorize({ ...info, user, verb: "create" });
          if (decision !== "allow") throw mayNotCreate(info, reason);
        }
        await admitConnect(callOf(request, info, user, endpoint));
        return upgrade;
      } catch (error) {
        upgrade.ended(error);
        throw error;
      } finally {
        // Nothing is answered before it is written.
        options.auditor?.flush();
      }
    },
    beginShutdown: () => stopping.abort(),
  };
}
