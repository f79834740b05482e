/** What the server says about itself: discovery, OpenAPI, version, the list of paths. */
import { createHash } from "node:crypto";
import { type APIGroupDiscoveryList, aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "../api/discovery.ts";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { versionInfo } from "../api/version.ts";
import { apiVersionOf, type ResourceDef, resources } from "../api/schema/schema.ts";
import type { APIGroup, APIGroupList } from "../api/types/meta-v1.gen.ts";
import { trimEnd } from "../base/trim.ts";
import type { DiscoverySeries } from "./metrics/discovery.ts";
import { type AddedOpenAPI, openapi } from "./openapi.ts";
import { aggregatedForm, contentTypes, type Form, type Media, negotiate } from "./rest/negotiate.ts";
import { encodeAs, respondObject } from "./rest/respond.ts";
import { decode } from "./request-info.ts";
import { methodNotAllowed, noSuchResource } from "./router.ts";

const json: Form = { media: "json", pretty: false };

function aggregated(request: ApiRequest, media: Media, value: APIGroupDiscoveryList): ApiResponse {
  const contentType = `${contentTypes[media]};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`;
  if (request.asObject) return { status: 200, headers: {}, object: value };
  const body = encodeAs({ media, pretty: false }, value);
  const etag = `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"`;
  const headers = { "content-type": contentType, etag, vary: "Accept", "cache-control": "public" };
  if (request.headers["if-none-match"] === etag) return { status: 304, headers };
  return { status: 200, headers, body };
}

/** The aggregator's own group alone is behind its router. */
const ownGroup = "apiregistration.k8s.io";

/** Groups are listed and shown by handlers of their own, and so is all of what definitions add; all else is behind the router, which takes GET alone. Throws 405 and 406. */
function formOf(request: ApiRequest, routed: boolean): Form {
  if (request.asObject) return json;
  if (routed && request.method !== "GET") throw methodNotAllowed();
  return negotiate(request, { transforms: false, protobuf: true, streams: false, cbor: false, routed });
}

export interface Documents {
  /** Undefined for a path that is no document. */
  get(request: ApiRequest): ApiResponse | undefined;
  paths(): string[];
}

/** What other servers add to what this one serves. */
export interface ServedElsewhere {
  groups(local: APIGroupList): APIGroupList;
  group(name: string, local: APIGroup | undefined): APIGroup | undefined;
  discovery(local: APIGroupDiscoveryList): APIGroupDiscoveryList;
  paths(): Iterable<string>;
}

export function createDocuments(
  served: () => readonly ResourceDef[],
  serverAddress: () => string,
  elsewhere?: ServedElsewhere,
  added?: AddedOpenAPI,
  /** Of `served`, those that no definition adds. */
  builtIn: readonly ResourceDef[] = resources,
  series: DiscoverySeries = { withoutPeers() {}, aggregated() {} },
  /** In milliseconds. */
  now: () => number = () => 0,
): Documents {
  const object = (request: ApiRequest, value: object, routed: boolean): ApiResponse =>
    respondObject({ request, form: formOf(request, routed), warnings: [] }, 200, value);
  const known = new Map<boolean, { defs: readonly ResourceDef[]; list: APIGroupDiscoveryList }>();
  const aggregatedNow = (core: boolean): APIGroupDiscoveryList => {
    const defs = served();
    const found = known.get(core);
    if (found?.defs === defs) return found.list;
    series.aggregated();
    const list = aggregatedDiscovery(core, defs);
    known.set(core, { defs, list });
    return list;
  };
  return {
    get(request) {
      const decoded = decode(request.path);
      const path = decoded.length > 1 ? trimEnd(decoded, "/") : decoded;
      if (path === "/version") {
        if (request.asObject) return { status: 200, headers: {}, object: versionInfo };
        if (request.method !== "GET") throw methodNotAllowed();
        negotiate(request, { transforms: true, protobuf: false, streams: false, cbor: false, only: "json" });
        return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(versionInfo, null, 2)) };
      }
      if (path === "/api" || path === "/apis") {
        const core = path === "/api";
        // The list of groups knows its other form by its whole name alone.
        const form = decoded === "/apis/" ? undefined : aggregatedForm(request.headers.accept ?? "");
        if (form) {
          // The versions of the core group are behind the router, the groups are not.
          if (core && request.method !== "GET") throw methodNotAllowed();
          if (form.profile === "nopeer") series.withoutPeers();
          const local = aggregatedNow(core);
          return aggregated(request, form.media, core ? local : (elsewhere?.discovery(local) ?? local));
        }
        if (core) return object(request, apiVersions(serverAddress()), true);
        const local = apiGroupList(served());
        return object(request, elsewhere?.groups(local) ?? local, false);
      }
      if (decoded === "/openapi/v2" || decoded === "/openapi/v3" || decoded.startsWith("/openapi/v3/")) return openapi(request, decoded, builtIn, now, added);
      const parts = path.split("/");
      // Whatever it is called, the way is that of the core group's versions.
      const unversioned = parts[1] === "api" && parts.length === 3;
      let found: object | undefined;
      if (parts[1] === "api" && parts.length === 3) found = apiResourceList("", parts[2] as string, served());
      if (parts[1] === "apis" && parts.length === 3) {
        const local = apiGroup(parts[2] as string, served());
        found = elsewhere ? elsewhere.group(parts[2] as string, local) : local;
      }
      if (parts[1] === "apis" && parts.length === 4) found = apiResourceList(parts[2] as string, parts[3] as string, served());
      // Definitions have no router: a version that none serves is nowhere.
      const ofRouter = parts[1] === "apis" && builtIn.some((def) => def.group === parts[2]);
      if (!found && ofRouter && parts.length === 4) throw noSuchResource();
      if (!found && (unversioned || parts[1] === "version")) throw noSuchResource();
      // A group's own handler knows it with one slash behind it at most.
      return found && object(request, found, unversioned || (ofRouter && (parts.length === 4 || parts[2] === ownGroup || decoded.endsWith("//"))));
    },
    paths() {
      const groups = new Set<string>(["/api", "/api/v1", "/apis", "/apis/", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/version"]);
      for (const { group, version } of served()) {
        if (!group) continue;
        groups.add(`/apis/${group}`);
        groups.add(`/apis/${apiVersionOf(group, version)}`);
      }
      for (const path of elsewhere?.paths() ?? []) groups.add(path);
      return [...groups];
    },
  };
}
