/** What can be done at which path, in upstream's names; both versions of OpenAPI are written from this. */
import { groupVersionKind } from "../discovery.ts";
import { hasType, kinds, type ResourceDef, typeByName } from "../schema/schema.ts";
import { table } from "../../base/table.ts";

export interface Parameter {
  name: string;
  in: "query" | "path";
  type: "string" | "integer" | "boolean";
  required?: boolean;
}

export interface Operation {
  path: string;
  method: string;
  operationId: string;
  action?: string;
  tag: string;
  gvk?: { group: string; version: string; kind: string };
  parameters: Parameter[];
  /** Type of the body; `Patch` for patches. */
  body?: string;
  bodyRequired?: boolean;
  consumes: string[];
  produces: string[];
  /** Status code -> type, `string` for text. */
  responses: Record<string, string>;
}

export const query = (name: string, type: Parameter["type"] = "string"): Parameter => ({ name, in: "query", type });
export const inPath = (name: string): Parameter => ({ name, in: "path", type: "string", required: true });

export const pretty = query("pretty");
export const writing = [query("dryRun"), query("fieldManager"), query("fieldValidation")];
export const listing = [
  query("allowWatchBookmarks", "boolean"),
  query("continue"),
  query("fieldSelector"),
  query("labelSelector"),
  query("limit", "integer"),
  query("resourceVersion"),
  query("resourceVersionMatch"),
  query("sendInitialEvents", "boolean"),
  query("shardSelector"),
  query("timeoutSeconds", "integer"),
  query("watch", "boolean"),
];
export const deleting = [
  query("dryRun"),
  query("gracePeriodSeconds", "integer"),
  query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
  query("orphanDependents", "boolean"),
  query("propagationPolicy"),
];
const collection = [...deleting, ...listing.filter((p) => p.name !== "allowWatchBookmarks" && p.name !== "watch")];

export const plainTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const watchTypes = [...plainTypes, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const patchTypes = ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"];

/** Kinds whose deletion answers with the object instead of a Status, in whatever version. */
const answersWithObject = new Set([
  "core/v1.PersistentVolume",
  "core/v1.PersistentVolumeClaim",
  "core/v1.Pod",
  "core/v1.PodTemplate",
  "core/v1.ResourceQuota",
  "core/v1.Service",
  "core/v1.ServiceAccount",
  "resource/v1.DeviceClass",
  "resource/v1.ResourceClaim",
  "resource/v1.ResourceClaimTemplate",
  "resource/v1.ResourceSlice",
  "storage/v1.CSIDriver",
  "storage/v1.CSINode",
  "storage/v1.StorageClass",
  "storage/v1.VolumeAttachment",
  "storage/v1.VolumeAttributesClass",
]);

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
/** `rbac.authorization.k8s.io` -> `RbacAuthorization`. */
export const groupName = (group: string): string =>
  group
    ? group
        .replace(/\.k8s\.io$/, "")
        .split(".")
        .map(capital)
        .join("")
    : "Core";
export const tagOf = (group: string, version: string): string => {
  const name = groupName(group);
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}${version ? `_${version}` : ""}`;
};
export const rootOf = (group: string, version: string): string => (group ? `/apis/${group}/${version}` : `/api/${version}`);
const typeOf = (gvk: string): string => kinds[gvk] ?? "";
const gvkText = (group: string, version: string, kind: string): string => (group ? `${group}/${version}/${kind}` : `${version}/${kind}`);

/** All operations on a resource and its subresources. */
export function operationsOf(r: ResourceDef): Operation[] {
  const type = typeOf(gvkText(r.group, r.version, r.kind));
  if (!type) return [];
  const gvk = { group: r.group, kind: r.kind, version: r.version };
  const prefix = groupName(r.group) + capital(r.version);
  const scope = r.namespaced ? "Namespaced" : "";
  const root = rootOf(r.group, r.version);
  const base = r.namespaced ? `${root}/namespaces/{namespace}/${r.resource}` : `${root}/${r.resource}`;
  const place = r.namespaced ? [inPath("namespace")] : [];
  const shared = { tag: tagOf(r.group, r.version), gvk, produces: plainTypes, consumes: ["*/*"] };
  const out: Operation[] = [];
  const add = (operation: Omit<Operation, "tag" | "produces" | "consumes"> & Partial<Operation>): void => void out.push({ ...shared, ...operation });
  const has = (verb: string): boolean => r.verbs.includes(verb);
  const list = `${type}List`;
  const one = `${base}/{name}`;
  if (has("list")) {
    const reading = { method: "get", action: "list", parameters: [...place, pretty, ...listing], produces: watchTypes, responses: { "200": list } };
    add({ ...reading, path: base, operationId: `list${prefix}${scope}${r.kind}` });
    if (r.namespaced) {
      add({ ...reading, path: `${root}/${r.resource}`, operationId: `list${prefix}${r.kind}ForAllNamespaces`, parameters: [pretty, ...listing] });
    }
  }
  if (has("watch")) {
    const watching = { method: "get", produces: watchTypes, responses: { "200": "meta/v1.WatchEvent" } };
    const parameters = [...place, pretty, ...listing];
    const path = base.replace(root, `${root}/watch`);
    add({ ...watching, action: "watchlist", path, operationId: `watch${prefix}${scope}${r.kind}List`, parameters });
    add({ ...watching, action: "watch", path: `${path}/{name}`, operationId: `watch${prefix}${scope}${r.kind}`, parameters: [inPath("name"), ...parameters] });
    if (r.namespaced) {
      add({
        ...watching,
        action: "watchlist",
        path: `${root}/watch/${r.resource}`,
        operationId: `watch${prefix}${r.kind}ListForAllNamespaces`,
        parameters: [pretty, ...listing],
      });
    }
  }
  if (has("create")) add(creating(base, `create${prefix}${scope}${r.kind}`, type, place));
  if (has("deletecollection")) {
    add({
      method: "delete",
      action: "deletecollection",
      path: base,
      operationId: `delete${prefix}Collection${scope}${r.kind}`,
      parameters: [...place, pretty, ...collection],
      body: "meta/v1.DeleteOptions",
      responses: { "200": "meta/v1.Status" },
    });
  }
  const named = [inPath("name"), ...place];
  for (const operation of modifying(one, r.verbs, prefix, `${scope}${r.kind}`, type, named)) add(operation);
  if (has("delete")) {
    const answer = answersWithObject.has(type.replace(/\/v1(alpha|beta)\d+\./, "/v1.")) ? type : "meta/v1.Status";
    add({
      method: "delete",
      action: "delete",
      path: one,
      operationId: `delete${prefix}${scope}${r.kind}`,
      parameters: [...named, pretty, ...deleting],
      body: "meta/v1.DeleteOptions",
      responses: { "200": answer, "202": answer },
    });
  }
  for (const s of r.subresources ?? []) {
    const own = groupVersionKind(s.kind);
    const subtype = typeOf(gvkText(own.group, own.version, own.kind));
    const subject = `${scope}${r.kind}${capital(s.name)}`;
    const path = `${one}/${s.name}`;
    const options = s.kind.endsWith("Options") || s.name === "log";
    if (options) for (const operation of connecting(path, s.name, s.verbs, prefix, subject, named)) add({ ...operation, gvk: s.name === "log" ? gvk : own });
    else {
      if (s.verbs.includes("create")) add({ ...creating(path, `create${prefix}${subject}`, subtype, named), gvk: own });
      for (const operation of modifying(path, s.verbs, prefix, subject, subtype, named)) add({ ...operation, gvk: own });
    }
  }
  return out;
}

type Part = Omit<Operation, "tag" | "produces" | "consumes" | "gvk"> & { consumes?: string[]; produces?: string[] };

const creating = (path: string, operationId: string, type: string, place: Parameter[]): Part => ({
  method: "post",
  action: "post",
  path,
  operationId,
  parameters: [...place, pretty, ...writing],
  body: type,
  bodyRequired: true,
  responses: { "200": type, "201": type, "202": type },
});

function modifying(path: string, verbs: readonly string[], prefix: string, subject: string, type: string, place: Parameter[]): Part[] {
  const out: Part[] = [];
  if (verbs.includes("get")) {
    out.push({ method: "get", action: "get", path, operationId: `read${prefix}${subject}`, parameters: [...place, pretty], responses: { "200": type } });
  }
  if (verbs.includes("update")) {
    out.push({
      method: "put",
      action: "put",
      path,
      operationId: `replace${prefix}${subject}`,
      parameters: [...place, pretty, ...writing],
      body: type,
      bodyRequired: true,
      responses: { "200": type, "201": type },
    });
  }
  if (verbs.includes("patch")) {
    out.push({
      method: "patch",
      action: "patch",
      path,
      operationId: `patch${prefix}${subject}`,
      parameters: [...place, pretty, ...writing, query("force", "boolean")],
      body: "meta/v1.Patch",
      bodyRequired: true,
      consumes: patchTypes,
      responses: { "200": type, "201": type },
    });
  }
  return out;
}

const methodsOf = table<string[]>({ create: ["post"], delete: ["delete"], get: ["get", "head", "options"], patch: ["patch"], update: ["put"] });

/** Subresources that stream or forward, with their options as query parameters. */
function connecting(path: string, name: string, verbs: readonly string[], prefix: string, subject: string, place: Parameter[]): Part[] {
  if (name === "log") {
    const produces = ["text/plain", ...plainTypes];
    const parameters = [...place, pretty, ...optionsOf("core/v1.PodLogOptions")];
    return [{ method: "get", action: "get", path, operationId: `read${prefix}${subject}`, parameters, produces, responses: { "200": "string" } }];
  }
  const proxy = name === "proxy";
  const parameters = [
    ...place,
    ...optionsOf(
      `core/v1.${proxy ? (subject.startsWith("Node") ? "Node" : capital(subject.replace(/^Namespaced|Proxy$/g, ""))) : "Pod"}${proxy ? "ProxyOptions" : `${connectNames[name]}Options`}`,
    ),
  ];
  const methods = verbs.flatMap((verb) => (methodsOf[verb] ?? []).filter((method) => proxy || (method !== "head" && method !== "options")));
  const made = methods.map((method) => ({
    method,
    action: "connect",
    path,
    operationId: `connect${prefix}${capital(method)}${subject}`,
    parameters,
    produces: ["*/*"],
    consumes: ["*/*"],
    responses: { "200": "string" },
  }));
  const deeper = proxy
    ? made.map((o) => ({ ...o, path: `${path}/{path}`, operationId: `${o.operationId}WithPath`, parameters: [...parameters, inPath("path")] }))
    : [];
  return [...made, ...deeper];
}
const connectNames = table<string>({ attach: "Attach", exec: "Exec", portforward: "PortForward" });

/** The fields of an options type as query parameters. */
function optionsOf(type: string): Parameter[] {
  if (!hasType(type)) return [];
  return typeByName(type)
    .flat.filter((field) => field.name !== "kind" && field.name !== "apiVersion" && !/Time$/.test(field.type))
    .map((field) => query(field.name, /bool/.test(field.type) ? "boolean" : /int/.test(field.type) ? "integer" : "string"));
}

/** Documents about documents: `/api/`, `/apis/`, `/apis/GROUP/`, `/apis/GROUP/VERSION/`, `/version/`. */
export function discoveryOperation(group: string | undefined, version: string | undefined): Operation {
  const shared = { method: "get", parameters: [], consumes: plainTypes, produces: plainTypes };
  if (group === undefined) return { ...shared, path: "/apis/", operationId: "getAPIVersions", tag: "apis", responses: { "200": "meta/v1.APIGroupList" } };
  const name = groupName(group);
  if (version) {
    return {
      ...shared,
      path: `${rootOf(group, version)}/`,
      operationId: `get${name}${capital(version)}APIResources`,
      tag: tagOf(group, version),
      responses: { "200": "meta/v1.APIResourceList" },
    };
  }
  if (!group) return { ...shared, path: "/api/", operationId: "getCoreAPIVersions", tag: "core", responses: { "200": "meta/v1.APIVersions" } };
  return { ...shared, path: `/apis/${group}/`, operationId: `get${name}APIGroup`, tag: tagOf(group, ""), responses: { "200": "meta/v1.APIGroup" } };
}

/** What is served beside the APIs, by the name of its document. */
export const otherOperations = table<Operation>({
  version: {
    method: "get",
    path: "/version/",
    operationId: "getCodeVersion",
    tag: "version",
    parameters: [],
    consumes: ["application/json"],
    produces: ["application/json"],
    responses: { "200": "io.k8s.apimachinery.pkg.version.Info" },
  },
  "openid/v1/jwks": {
    method: "get",
    path: "/openid/v1/jwks/",
    operationId: "getServiceAccountIssuerOpenIDKeyset",
    tag: "openid",
    parameters: [],
    consumes: [],
    produces: ["application/jwk-set+json"],
    responses: { "200": "string" },
  },
  ".well-known/openid-configuration": {
    method: "get",
    path: "/.well-known/openid-configuration/",
    operationId: "getServiceAccountIssuerOpenIDConfiguration",
    tag: "WellKnown",
    parameters: [],
    consumes: [],
    produces: ["application/json"],
    responses: { "200": "string" },
  },
});
