/** The spans of a request (k8s.io/apiserver/pkg/endpoints/filters/traces.go, handlers/trace_util.go; semantic conventions of HTTP). */
import type { ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import { parseTraceparent, type Attributes, type Span, type Tracer } from "../../base/tracing/span.ts";
import { saidScope, verbOf } from "../metrics/requests.ts";
import type { RequestInfo } from "../request-info.ts";
import { whenEnded } from "../when-ended.ts";
import { table } from "../../base/table.ts";

/** They say which trace a request belongs to; of others a trace of ours only names theirs. */
const trusted = new Set(["system:masters", "system:monitoring"]);

const template = ({ prefix, group, version, namespace, resource, name, subresource }: RequestInfo): string =>
  [
    ["", prefix, ...(group ? [group] : []), version],
    namespace ? ["namespaces", "{:namespace}"] : [],
    [resource, ...(name ? ["{:name}"] : []), ...(subresource ? [subresource] : [])],
  ]
    .flat()
    .join("/");

/** `began` by the clock's monotonic(). */
export function beginTrace(tracer: Tracer, request: ApiRequest, info: RequestInfo, user: UserInfo, began: number): Span {
  const { method, headers } = request;
  const parent = parseTraceparent(headers.traceparent, headers.tracestate);
  const span = tracer.start(info.isResource ? `${method} ${template(info)}` : method, {
    kind: "server",
    began,
    root: !user.groups.some((group) => trusted.has(group)),
    ...(parent ? { parent } : {}),
  });
  if (span.isKept) span.set(attributesOf(request));
  return span;
}

function attributesOf({ method, path, query, headers, remoteAddress }: ApiRequest): Attributes {
  const authority = headers[":authority"] ?? headers.host ?? "";
  const [, host = authority, port] = /^(.*?):(\d+)$/.exec(authority) ?? [];
  const search = query.toString();
  return {
    ...(host ? { "server.address": host.replace(/^\[|\]$/g, "") } : {}),
    ...(port && port !== "443" ? { "server.port": Number(port) } : {}),
    "http.request.method": method,
    "url.scheme": "https",
    "network.peer.address": remoteAddress,
    ...(headers["user-agent"] ? { "user_agent.original": headers["user-agent"] } : {}),
    "client.address": headers["x-forwarded-for"]?.split(",")[0] || remoteAddress,
    "url.path": path,
    "http.target": search ? `${path}?${search}` : path,
  };
}

/** From here on the request is at this step of its way; the one before is over (k8s.io/apiserver/pkg/endpoints/filterlatency). */
export function enterStep(request: ApiRequest, outer: Span, step: string): void {
  const span = outer.child(step);
  if (outer.kind !== "server") outer.end();
  request.span = span;
}

/** Bytes where they are known. */
function endTrace(span: Span, status: number, sent: number | undefined, auditID: string): void {
  span.set({ "http.response.status_code": status, "audit-id": auditID, ...(sent ? { "http.response.body.size": sent } : {}) });
  if (status >= 500) span.fail("");
  span.end();
}

const names = table<string>({
  get: "Get",
  list: "List",
  create: "Create",
  update: "Update",
  patch: "Patch",
  delete: "Delete",
  deletecollection: "Delete",
});

/** The verb's part of a request; undefined for watches and what has no verb of its own. */
export function verbSpan(outer: Span, request: ApiRequest, info: RequestInfo): Span | undefined {
  const name = info.subresource && info.verb === "get" ? undefined : names[info.verb];
  if (!name) return undefined;
  const span = outer.child(name);
  if (span.isKept) {
    const { group, version, resource, subresource, namespace } = info;
    const { headers, path, remoteAddress } = request;
    const scope = saidScope(info);
    span.set({
      ...{ accept: headers.accept ?? "", client: remoteAddress, "api-group": group, "api-version": version, name: info.name, subresource, namespace, resource },
      ...{ scope, url: path, "user-agent": headers["user-agent"] ?? "", verb: verbOf(request, info, scope) },
    });
  }
  return span;
}

/** The trace ends with the answer, or with its stream. */
export function traced(trace: Span, response: ApiResponse, long: boolean): ApiResponse {
  const { status, headers, body, size } = response;
  const auditID = headers["audit-id"] ?? "";
  if (long) return whenEnded(response, (sent) => endTrace(trace, status, sent, auditID));
  endTrace(trace, status, body instanceof Uint8Array ? body.length : size, auditID);
  return response;
}
