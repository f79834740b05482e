/** What a request is about, read off its method, path and query (k8s.io/apiserver/pkg/endpoints/request/requestinfo.go). */
import { goQuote } from "../api/go-quote.ts";
import type { ApiRequest } from "../api/exchange.ts";
import { FieldSelectorError, parseFieldSelector } from "../api/selectors/fields.ts";
import { parseLabelSelector, SelectorError } from "../api/selectors/labels.ts";
import { badRequest, StatusError } from "../api/status.ts";

/** A path that begins as one of ours and leads nowhere: nothing can be said of the request. */
export class UnknownRequest extends Error {}

/** What was asked for, for people to read. */
export const targetOf = ({ target, path, query }: Pick<ApiRequest, "target" | "path" | "query">): string => target ?? (query.size ? `${path}?${query}` : path);

export interface RequestInfo {
  isResource: boolean;
  /** Kubernetes' verb for resources, the HTTP method in lower case otherwise. */
  verb: string;
  /** As given, without the query. */
  path: string;
  /** `api`, `apis` or "". */
  prefix: string;
  group: string;
  version: string;
  namespace: string;
  /** The way leads through `namespaces/NAME`, where NAME may be empty. */
  inNamespace?: boolean;
  resource: string;
  subresource: string;
  name: string;
  /** Path segments from the resource on, decoded. */
  parts: string[];
  /** The path says that it is a watch, as it was done once: selectors are not looked at for rights then. */
  byPath?: boolean;
}

/** By methods, which over HTTP/2 are any word. */
const verbs = new Map([
  ["POST", "create"],
  ["GET", "get"],
  ["HEAD", "get"],
  ["PUT", "update"],
  ["PATCH", "patch"],
  ["DELETE", "delete"],
]);
const namespaceSubresources = new Set(["status", "finalize"]);

/** Throws 400 for an escape that is none. */
export function decode(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw badRequest(`invalid URL escape in ${goQuote(path)}`);
  }
}

/** Of the decoded path without slashes at its ends: a slash is one however it is written. */
function segments(encoded: string): string[] {
  const path = decode(encoded);
  let from = 0;
  let to = path.length;
  while (from < to && path.charCodeAt(from) === slash) from++;
  while (to > from && path.charCodeAt(to - 1) === slash) to--;
  if (from === to) return [];
  return path.slice(from, to).split("/");
}
const slash = 0x2f;

/** What follows `/proxy` in a path, as it was written, and what stands before it; `parts` are those of its RequestInfo. */
export function splitProxied(path: string, parts: readonly string[]): { path: string; prefix: string } {
  let at = 0;
  while (path.charCodeAt(at) === slash) at++;
  // Resource, name and "proxy" end the prefix, whatever the namespace is called.
  for (let left = segments(path).length - parts.length + 3; left > 0; left--) {
    const found = /\/|%2f/gi;
    found.lastIndex = at;
    const end = found.exec(path);
    at = !end ? path.length : left === 1 ? end.index : found.lastIndex;
  }
  return { path: path.slice(at), prefix: path.slice(0, at) };
}

/** Go's strconv.ParseBool as the query conversion uses it: "", "0" and "false" are false, all else is true. */
export const queryBool = (value: string | null): boolean => value !== null && value !== "0" && value.toLowerCase() !== "false";

/** Options that cannot be read name no object either. */
function isReadable(query: URLSearchParams): boolean {
  if (["limit", "timeoutSeconds"].some((name) => !/^([+-]?\d+)?$/.test(query.get(name) ?? ""))) return false;
  try {
    parseLabelSelector(query.get("labelSelector") ?? "");
    return true;
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

/** The one object that a list or a watch may show, "" where it may show others; what else is selected by makes no difference. */
function selectedName(query: URLSearchParams): string {
  const selector = query.get("fieldSelector") ?? "";
  if (!selector.includes("metadata.name")) return "";
  try {
    const name = parseFieldSelector(selector).exactMatch("metadata.name") ?? "";
    return /^[^/%]+$/.test(name) && name !== "." && name !== ".." && isReadable(query) ? name : "";
  } catch (error) {
    if (error instanceof FieldSelectorError) return "";
    throw error;
  }
}

/** Of what is in a namespace. Throws 400 where the way leads through one without a name. */
export function requiredNamespace({ namespace }: Pick<RequestInfo, "namespace">): string {
  if (namespace === "") throw badRequest("Namespace parameter required.");
  return namespace;
}

/** Absent for what cannot be read, which whoever answers it says. */
export function readableInfo({ method, path, query }: ApiRequest): RequestInfo | undefined {
  try {
    return parseRequestInfo(method, path, query);
  } catch (error) {
    if (error instanceof UnknownRequest || error instanceof StatusError) return undefined;
    throw error;
  }
}

/** Throws UnknownRequest for a path that is no path of ours but looks like one, a StatusError for one that cannot be decoded. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const info: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path: decode(path),
    prefix: "",
    group: "",
    version: "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
    parts: [],
  };
  const way = segments(path);
  const [prefix] = way;
  if (way.length < 3 || (prefix !== "api" && prefix !== "apis")) return info;
  let at = 1;
  if (prefix === "apis") {
    if (way.length < 4) return info;
    info.group = way[at++] as string;
  }
  info.prefix = prefix;
  info.isResource = true;
  info.version = way[at++] as string;
  const old = way[at];
  if (old === "proxy" || old === "watch") {
    if (way.length - at < 2) throw new UnknownRequest("unable to determine kind and namespace from url");
    info.verb = old;
    info.byPath = true;
    at++;
  } else info.verb = verbs.get(method) ?? "";
  if (way[at] === "namespaces" && way.length - at > 1) {
    info.namespace = way[at + 1] as string;
    if (way.length - at > 2 && !namespaceSubresources.has(way[at + 2] as string)) {
      info.inNamespace = true;
      at += 2;
    }
  }
  const parts = way.slice(at);
  info.parts = parts;
  info.resource = parts[0] ?? "";
  info.name = parts[1] ?? "";
  if (info.verb !== "proxy") info.subresource = parts[2] ?? "";
  // The old path of a watch names nobody in its selector.
  if (info.name === "" && info.verb === "get") {
    info.verb = queryBool(query.get("watch")) ? "watch" : "list";
    if (query.size) info.name = selectedName(query);
  }
  if (info.name === "" && info.verb === "delete") info.verb = "deletecollection";
  return info;
}
