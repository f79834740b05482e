/** What the server says about itself: discovery, OpenAPI, version, the list of paths. */
import { createHash } from "node:crypto";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "../api/discovery.ts";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import type { ResourceDef } from "../api/schema/schema.ts";
import { apiVersionOf } from "../api/schema/schema.ts";
import { openapi } from "./openapi.ts";
import { type Form, negotiate } from "./rest/negotiate.ts";
import { encodeAs, respondObject } from "./rest/respond.ts";

export const versionInfo = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion: "v1.36.3",
  gitCommit: "unknown",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};

const json: Form = { media: "json", pretty: false };

/** `application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList` among what the client takes, before plain JSON. */
function wantsAggregated(accept: string | undefined): boolean {
  if (!accept) return false;
  for (const clause of accept.split(",")) {
    if (/as=APIGroupDiscoveryList/.test(clause)) return /g=apidiscovery\.k8s\.io/.test(clause) && /v=v2(;|$|\s)/.test(clause);
    if (/application\/json|\*\/\*/.test(clause)) return false;
  }
  return false;
}

function aggregated(request: ApiRequest, core: boolean, served: readonly ResourceDef[]): ApiResponse {
  const value = aggregatedDiscovery(core, served);
  const contentType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  if (request.asObject) return { status: 200, headers: {}, object: value };
  const body = encodeAs(json, value);
  const etag = `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"`;
  const headers = { "content-type": contentType, etag, vary: "Accept", "cache-control": "no-cache, private" };
  if (request.headers["if-none-match"] === etag) return { status: 304, headers };
  return { status: 200, headers, body };
}

export interface Documents {
  /** Undefined for a path that is no document. */
  get(request: ApiRequest): ApiResponse | undefined;
  paths(): string[];
}

export function createDocuments(served: () => readonly ResourceDef[], serverAddress: () => string): Documents {
  const object = (request: ApiRequest, value: object): ApiResponse =>
    respondObject({ request, form: negotiate(request, { transforms: false, protobuf: false, streams: false }), warnings: [] }, 200, value);
  return {
    get(request) {
      const path = request.path.length > 1 ? request.path.replace(/\/+$/, "") : request.path;
      if (path === "/version") {
        if (request.asObject) return { status: 200, headers: {}, object: versionInfo };
        return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(versionInfo, null, 2)) };
      }
      if (path === "/api" || path === "/apis") {
        const core = path === "/api";
        if (wantsAggregated(request.headers.accept)) return aggregated(request, core, served());
        return object(request, core ? apiVersions(serverAddress()) : apiGroupList(served()));
      }
      if (path === "/openapi/v2" || path === "/openapi/v3" || path.startsWith("/openapi/v3/")) return openapi(request, path);
      const parts = path.split("/");
      let found: object | undefined;
      if (parts[1] === "api" && parts.length === 3) found = apiResourceList("", parts[2] as string, served());
      if (parts[1] === "apis" && parts.length === 3) found = apiGroup(parts[2] as string, served());
      if (parts[1] === "apis" && parts.length === 4) found = apiResourceList(parts[2] as string, parts[3] as string, served());
      return found && object(request, found);
    },
    paths() {
      const groups = new Set<string>(["/api", "/api/v1", "/apis", "/apis/"]);
      for (const { group, version } of served()) {
        if (!group) continue;
        groups.add(`/apis/${group}`);
        groups.add(`/apis/${apiVersionOf(group, version)}`);
      }
      return [...groups];
    },
  };
}
