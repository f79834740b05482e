/** From a request that may be carried out to the verb that does. */
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { goQuote } from "../api/go-quote.ts";
import { badRequest, groupResource, methodNotSupported, StatusError } from "../api/status.ts";
import { type RequestInfo, targetOf } from "./request-info.ts";
import type { Call, Endpoint, SubresourceHandler } from "./rest/call.ts";
import { create } from "./rest/create.ts";
import { remove } from "./rest/delete.ts";
import { deleteCollection } from "./rest/delete-collection.ts";
import { get } from "./rest/get.ts";
import { list } from "./rest/list.ts";
import { negotiate } from "./rest/negotiate.ts";
import { patchTypeOf, patchVerb } from "./rest/patch.ts";
import { scale } from "./rest/scale.ts";
import { update } from "./rest/update.ts";
import { watch } from "./rest/watch.ts";
import { table } from "../base/table.ts";
import { isWebSocketRequest } from "./websocket-request.ts";

export const notFoundPage = (): ApiResponse => ({
  status: 404,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body: Buffer.from("404 page not found\n"),
});

/** Before anything looks at what the client accepts. */
export const unknownPage = (request: ApiRequest, { message }: Error): ApiResponse => {
  const asked = targetOf(request);
  const text = `Internal Server Error: ${goQuote(asked)}: failed to create RequestInfo: ${message}, ${asked}`;
  const body = Buffer.from(`${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}\n`);
  return { ...notFoundPage(), status: 500, body };
};

export const methodNotAllowed = (): StatusError =>
  new StatusError({ code: 405, reason: "MethodNotAllowed", message: "the server does not allow this method on the requested resource", details: {} });

const verbs = table<SubresourceHandler>({ create, get, list, watch, update, patch: patchVerb, delete: remove, deletecollection: deleteCollection });

/** Whether such a path exists for the resource at all. */
export function exists(endpoint: Endpoint, info: RequestInfo): boolean {
  const { def } = endpoint;
  // The old way through a server, which is gone.
  if (info.verb === "proxy") return false;
  if (info.parts.length > 3 && info.subresource !== "proxy") return false;
  // The old way leads to what can be watched alone.
  if (info.byPath && endpoint.custom === undefined && (info.subresource || !def.verbs.includes("watch"))) return false;
  // What is only asked has no objects.
  if (info.parts.length > 1 && def.verbs.length === 1 && def.verbs[0] === "create") return false;
  if (info.subresource && !def.subresources?.some((s) => s.name === info.subresource)) return false;
  if (!def.namespaced) return !info.inNamespace;
  if (endpoint.custom && info.namespace === "") return info.verb === "list" || info.verb === "watch";
  return info.inNamespace === true || (info.parts.length === 1 && def.verbs.includes("list"));
}

/** A path that has the form of a resource of a group that is served, and is none. */
export const noSuchResource = (): StatusError =>
  new StatusError({ code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: {} });

/** Collections are read, added to and emptied; objects are read and changed. */
function fits(endpoint: Endpoint, info: RequestInfo): boolean {
  const collection = info.parts.length === 1;
  if (collection && endpoint.def.namespaced && !info.inNamespace) return info.verb === "list" || info.verb === "watch" || info.verb === "get";
  return collection ? info.verb !== "update" && info.verb !== "patch" && info.verb !== "delete" : info.verb !== "create" && info.verb !== "deletecollection";
}

/** Whether the way leads, by a method that it has, to a watch or to what one of the connectors answers. */
export function leavesHttp({ endpoint, info, request }: Pick<Call, "endpoint" | "info" | "request">, connectors: Connectors): boolean {
  // Logs and watches leave HTTP by WebSockets alone.
  if ((info.subresource === "log" || info.verb === "watch") && !isWebSocketRequest(request)) return false;
  if (info.verb === "watch") return !info.subresource && endpoint.def.verbs.includes("watch");
  const subresource = endpoint.def.subresources?.find(({ name }) => name === info.subresource);
  return info.name !== "" && subresource?.verbs.includes(info.verb) === true && `${endpoint.groupResource}/${info.subresource}` in connectors;
}

/** Subresources that are reached by more than GET, PUT and PATCH of the object: exec, log, proxy. */
export type Connectors = Readonly<Record<string, SubresourceHandler>>;

const statusWithoutTable = new Set(["resourceclaims.resource.k8s.io", "apiservices.apiregistration.k8s.io", "customresourcedefinitions.apiextensions.k8s.io"]);

/** A path and method that exist still have to be for the body and the answer that the client names. */
function shape(call: Call): void {
  const { endpoint, info, request } = call;
  if (request.asObject) return;
  if (info.verb === "patch") patchTypeOf(call);
  // What is only asked and never stored has no table, nor has what upstream has left out.
  const tabled = info.subresource === "status" ? !statusWithoutTable.has(endpoint.groupResource) : ["", "scale"].includes(info.subresource);
  const tables = endpoint.def.verbs.includes("get") && tabled;
  const streams = (info.parts.length === 1 || info.verb === "watch") && request.method === "GET";
  const also = info.subresource === "log" ? ["text/plain"] : [];
  const untyped = endpoint.custom !== undefined;
  call.form = negotiate(request, { transforms: true, tables, protobuf: true, untyped, streams, also, routed: !untyped });
}

/** Throws and rejects with what is refused. */
export function route(call: Call, connectors: Connectors): Promise<ApiResponse> {
  const { endpoint, info, request } = call;
  if (request.method === "HEAD" && info.subresource !== "proxy") throw methodNotAllowed();
  if (info.subresource) return routeSubresource(call, connectors);
  const asked = info.verb === "get" && info.parts.length === 1 ? "list" : info.verb;
  // Where lists are, watches are refused by name.
  const way = asked === "watch" && !info.name ? "list" : asked;
  if (!endpoint.def.verbs.includes(way) || !fits(endpoint, info)) throw methodNotAllowed();
  // By the old way alone; upstream's handler of custom resources does not look at the method.
  if (asked === "watch" && request.method !== "GET" && endpoint.custom === undefined) throw methodNotAllowed();
  const verb = verbs[asked];
  if (!verb) throw methodNotAllowed();
  shape(call);
  return verb(call);
}

/** What would be asked of a collection, were it no subresource. */
const ofObject = new Map([
  ["list", "get"],
  ["watch", "get"],
  ["deletecollection", "delete"],
]);

function routeSubresource(call: Call, connectors: Connectors): Promise<ApiResponse> {
  const { endpoint, info, request } = call;
  const { def } = endpoint;
  const subresource = def.subresources?.find((s) => s.name === info.subresource);
  if (!subresource) return Promise.resolve(notFoundPage());
  // The one method without a verb is for what stands behind the proxy.
  const options = info.subresource === "proxy" && request.method === "OPTIONS";
  const nameless = info.name === "" && endpoint.custom === undefined;
  if (!options && !subresource.verbs.includes(nameless ? (ofObject.get(info.verb) ?? info.verb) : info.verb)) throw methodNotAllowed();
  const connector = connectors[`${endpoint.groupResource}/${info.subresource}`];
  // What goes on to somebody else is as they make it.
  const passedOn = connector !== undefined && info.subresource !== "log";
  if (!passedOn) shape(call);
  if (nameless) throw badRequest("name must be provided");
  if (connector) return connector(call);
  const special = endpoint.registry.subresources?.[info.subresource];
  if (special) return special(call);
  if (info.subresource === "scale") return scale(call);
  if (subresource.kind === `${endpoint.apiVersion}/${def.kind}`) {
    if (info.verb === "get") return get(call);
    if (info.verb === "update") return update(call);
    if (info.verb === "patch") return patchVerb(call);
  }
  throw methodNotSupported(groupResource(def.group, `${def.resource}/${info.subresource}`), info.verb);
}
