/**
 * Serves metrics.k8s.io as an aggregated API server does: HTTPS, callers that the API server's front proxy or the API server
 * itself vouches for, each request authorized by the API server. JSON alone.
 */
import { listening } from "../base/listening.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { UserInfo } from "../api/exchange.ts";
import { forbidden, groupResource, notFound, StatusError, unauthorized } from "../api/status.ts";
import type { SubjectAccessReviewSpec } from "../api/types/authorization-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import { group, type MetricsAPI, type NodeMetrics, type PodMetrics, resources, tableOf, version } from "./metrics-api.ts";
import { openapiV2, openapiV3, openapiV3Path } from "./openapi.ts";
import { table } from "../base/table.ts";

type Asked = Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">;

export interface MetricsAccess {
  /** Undefined: nobody who is known. */
  authenticate(request: IncomingMessage): Promise<UserInfo | undefined>;
  allows(user: UserInfo, what: Asked): Promise<boolean>;
}

export interface MetricsServerOptions {
  api: MetricsAPI;
  access: MetricsAccess;
  /** PEM; `authorities`: whose client certificates are asked for. */
  tls: { cert: string; key: string; authorities: readonly string[] };
  host: string;
  /** 0: any free port. */
  port: number;
  /** Why it is not ready yet. */
  unready(): string | undefined;
  logger: Logger;
}

const groupVersion = `${group}/${version}`;
const root = `/apis/${groupVersion}`;
const open = new Set(["/healthz", "/livez", "/readyz"]);
const gv = { groupVersion, version };
const groupDocument = { kind: "APIGroup", apiVersion: "v1", name: group, versions: [gv], preferredVersion: gv };
const documents = table<object>({
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [{ name: group, versions: [gv], preferredVersion: gv }] },
  [`/apis/${group}`]: groupDocument,
  [root]: { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources },
  "/openapi/v2": openapiV2,
  "/openapi/v3": { paths: { [openapiV3Path]: { serverRelativeURL: `/openapi/v3/${openapiV3Path}` } } },
  [`/openapi/v3/${openapiV3Path}`]: openapiV3,
});

interface Place {
  resource: "nodes" | "pods";
  namespace: string;
  name: string;
}

/** Undefined for what is no resource of the group. */
export function placeOf(path: string): Place | undefined {
  if (!path.startsWith(`${root}/`)) return undefined;
  const parts = path.slice(root.length + 1).split("/");
  const namespace = parts[0] === "namespaces" && parts.length > 2 ? decodeURIComponent(parts[1] as string) : "";
  const [resource, name = "", more] = namespace ? parts.slice(2) : parts;
  if (more !== undefined) return undefined;
  // Nodes have no namespace, and a pod has one.
  if (resource === "nodes" ? namespace : resource !== "pods" || (name && !namespace)) return undefined;
  return { resource: resource as Place["resource"], namespace, name: decodeURIComponent(name) };
}

const wantsTable = (accept = ""): boolean => accept.split(",").some((one) => /^\s*application\/json\s*;/.test(one) && /;\s*as=Table\b/.test(one));

export class MetricsServer implements AsyncDisposable {
  readonly #options: MetricsServerOptions;
  readonly #server: Server;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    const { cert, key, authorities } = options.tls;
    this.#server = createServer({ cert, key, ca: [...authorities], requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.2" });
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#onRequest(request, response));
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  /** Resolves with the port when it listens. */
  start(): Promise<number> {
    const { host, port } = this.#options;
    return listening(this.#server, { host, port });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (code: number, type: string, body: string): void => {
      response.writeHead(code, { "content-type": type, "cache-control": "no-cache, private" });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    try {
      const url = new URL(request.url ?? "/", "https://metrics");
      const path = url.pathname.replace(/(?<=.)\/+$/, "");
      if (open.has(path)) {
        const why = path === "/readyz" ? this.#options.unready() : undefined;
        return send(why ? 500 : 200, "text/plain; charset=utf-8", why ?? "ok");
      }
      send(200, "application/json", JSON.stringify(await this.#answer(request, path, url.searchParams)));
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      if (!(error instanceof StatusError)) this.#options.logger.warn("a request failed", { path: request.url, error });
      const status = error instanceof StatusError ? error.status : { code: 500, reason: "InternalError", message: (error as Error).message };
      const code = status.code ?? 500;
      send(code, "application/json", JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", ...status, code }));
    }
  }

  /** Rejects with StatusError. */
  async #answer(request: IncomingMessage, path: string, query: URLSearchParams): Promise<object> {
    const { access } = this.#options;
    const user = await access.authenticate(request);
    if (!user) throw unauthorized();
    const place = placeOf(path);
    const method = (request.method ?? "GET").toLowerCase();
    const verb =
      place && (method === "get" || method === "head") ? (place.name ? "get" : query.get("watch") ? "watch" : "list") : method === "head" ? "get" : method;
    const asked: Asked = place ? { resourceAttributes: { verb, group, version, ...place } } : { nonResourceAttributes: { verb, path } };
    if (!(await access.allows(user, asked))) {
      const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
      if (!place) throw forbidden("", "", `${who} path ${JSON.stringify(path)}`);
      const { resource, namespace, name } = place;
      const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : "at the cluster scope";
      throw forbidden(groupResource(group, resource), name, `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`);
    }
    if (verb !== "get" && verb !== "list") {
      const message = "the server does not allow this method on the requested resource";
      throw new StatusError({ code: 405, reason: "MethodNotAllowed", message, details: {} });
    }
    if (place) return this.#metrics(place, query, wantsTable(request.headers.accept));
    const document = documents[path];
    if (!document) throw notFound("", path);
    return document;
  }

  async #metrics({ resource, namespace, name }: Place, query: URLSearchParams, table: boolean): Promise<object> {
    const { api } = this.#options;
    if (name) {
      const found: NodeMetrics | PodMetrics = await (resource === "nodes" ? api.node(name) : api.pod(namespace, name));
      return table ? tableOf([found], true) : found;
    }
    const { items } = await (resource === "nodes" ? api.nodes(query) : api.pods(namespace, query));
    if (table) return tableOf(items, false);
    return { kind: resource === "nodes" ? "NodeMetricsList" : "PodMetricsList", apiVersion: groupVersion, metadata: {}, items };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
