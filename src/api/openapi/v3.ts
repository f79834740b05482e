/** OpenAPI v3: one document for each group and version of the resources that are served, made at first use. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { apiVersionOf, kinds, type ResourceDef, resources } from "../schema/schema.ts";
import { discoveryOperation, type Operation, otherOperations, operationsOf, type Parameter } from "./operations.ts";
import { kindsIn, references, type Schema, schemaName, schemaOf, typeOfSchema } from "./schemas.ts";

type GroupVersion = { group: string; version: string };
export type Document = { [key: string]: unknown };

/** What documents are made of; the same array as long as they are the same. */
export type Served = readonly ResourceDef[];

interface Made {
  documents: Map<string, Document>;
  index?: Index;
}
const made = new WeakMap<Served, Made>();
function madeOf(served: Served): Made {
  const known = made.get(served) ?? { documents: new Map() };
  made.set(served, known);
  return known;
}

/** Paths of all documents: `api`, `api/v1`, `apis`, `apis/apps`, `apis/apps/v1`, `version`, ... */
export function openapiV3Paths(served: Served = resources): string[] {
  const groups = new Set(served.map((r) => r.group).filter(Boolean));
  const versions = new Set(served.map((r) => (r.group ? `apis/${apiVersionOf(r.group, r.version)}` : `api/${r.version}`)));
  return [...Object.keys(otherOperations), "api", "apis", ...[...groups].map((g) => `apis/${g}`), ...versions].sort();
}

/** `path` is one of openapiV3Paths; undefined for what is not served. Shared: not to be changed. */
export function openapiV3(path: string, served: Served = resources): Document | undefined {
  const { documents } = madeOf(served);
  const known = documents.get(path);
  if (known) return known;
  const operations = operationsAt(path, served);
  if (!operations) return undefined;
  const [, group = "", version = ""] = /^apis?(?:\/(?!v\d)([^/]+))?(?:\/(v[^/]+))?$/.exec(path) ?? [];
  const document = documentOf(operations, version ? served.filter((r) => r.group === group && r.version === version) : []);
  documents.set(path, document);
  return document;
}

/** `/openapi/v3`: where the documents are; the hash changes with what they are made from. */
export function openapiV3Index(served: Served = resources): Index {
  const known = madeOf(served);
  known.index ??= makeIndex(served);
  return known.index;
}

interface Index {
  paths: Record<string, { serverRelativeURL: string }>;
}

function makeIndex(served: Served): Index {
  const sources = sourceDigest();
  const paths: Record<string, { serverRelativeURL: string }> = {};
  const chosen = served === resources ? "" : JSON.stringify(served.map((r) => [r.group, r.version, r.resource]));
  for (const path of openapiV3Paths(served)) {
    const hash = createHash("sha512").update(sources).update(path).update(chosen).digest("hex").toUpperCase();
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
}

let digest: Buffer | undefined;
/** Of the data from which all documents are made. */
function sourceDigest(): Buffer {
  if (!digest) {
    const hash = createHash("sha512");
    const files = [
      new URL("../schema/types.json", import.meta.url),
      new URL("../schema/resources.json", import.meta.url),
      new URL("./facts.json", import.meta.url),
      new URL("./prose.json", import.meta.url),
    ];
    for (const file of files) {
      if (existsSync(file)) hash.update(readFileSync(file));
    }
    digest = hash.digest();
  }
  return digest;
}

/** The operations of a document; undefined for what is not served. */
export function operationsAt(path: string, resources: Served): Operation[] | undefined {
  if (Object.hasOwn(otherOperations, path)) return [otherOperations[path] as Operation];
  if (path === "api") return [discoveryOperation("", undefined)];
  if (path === "apis") return [discoveryOperation(undefined, undefined)];
  const [root, ...rest] = path.split("/");
  const group = root === "api" ? "" : (rest.shift() ?? "");
  const [version] = rest;
  if (rest.length > 1 || (root !== "api" && root !== "apis")) return undefined;
  const served = resources.filter((r) => r.group === group && (version === undefined || r.version === version));
  if (!served.length) return undefined;
  if (!version) return [discoveryOperation(group, undefined)];
  return [discoveryOperation(group, version), ...served.flatMap(operationsOf)];
}

const security = { BearerToken: { description: "Bearer Token authentication", in: "header", name: "authorization", type: "apiKey" } };

function documentOf(operations: Operation[], served: Served): Document {
  const schemas = schemasFor(operations, served);
  return {
    components: { ...(Object.keys(schemas).length ? { schemas } : {}), securitySchemes: security },
    info: { title: "Kubernetes", version: "1.36" },
    openapi: "3.0.0",
    paths: pathsOf(operations),
  };
}

/**
 * Everything that operations and the kinds of the served resources refer to, by name.
 * `own` are those that no built-in type has.
 */
export function schemasFor(
  operations: Operation[],
  served: Served,
  registered: readonly GroupVersion[] = served,
  own: Readonly<Record<string, Schema>> = {},
): Record<string, Schema> {
  const wanted = new Set<string>();
  for (const operation of operations)
    for (const type of [operation.body, ...Object.values(operation.responses)]) if (type && type !== "string") wanted.add(schemaName(type));
  for (const r of served) {
    const type = kinds[`${apiVersionOf(r.group, r.version)}/${r.kind}`];
    if (type) wanted.add(schemaName(type));
  }
  const schemas = new Map<string, Schema>();
  for (const name of wanted) {
    const given = own[name];
    if (given) {
      schemas.set(name, given);
      references(given, wanted);
      continue;
    }
    const type = typeOfSchema(name);
    const gvks = kindsIn(type, registered);
    const schema = gvks.length ? { ...schemaOf(type), "x-kubernetes-group-version-kind": gvks } : schemaOf(type);
    schemas.set(name, schema);
    // The set grows while it is walked: what a schema refers to is wanted as well.
    references(schema, wanted);
  }
  return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Parameters that all operations of a path have are the path's. */
export function hoist(operations: Operation[]): { common: Parameter[]; own: Map<Operation, Parameter[]> } {
  const has = (o: Operation, p: Parameter): boolean => o.parameters.some((q) => q.name === p.name && q.in === p.in);
  const common = (operations[0] as Operation).parameters.filter((p) => operations.every((o) => has(o, p)));
  const own = new Map(operations.map((o) => [o, o.parameters.filter((p) => !common.some((q) => q.name === p.name && q.in === p.in))]));
  return { common: common.sort(byName), own };
}
const byName = (a: Parameter, b: Parameter): number => (a.name === b.name ? (a.in < b.in ? -1 : 1) : a.name < b.name ? -1 : 1);

export function pathsOf(operations: Operation[]): Record<string, unknown> {
  const byPath = Map.groupBy(operations, (o) => o.path);
  const paths: Record<string, unknown> = {};
  for (const path of [...byPath.keys()].sort()) {
    const here = byPath.get(path) as Operation[];
    const { common, own } = hoist(here);
    const item: Record<string, unknown> = {};
    for (const operation of here) item[operation.method] = operationObject(operation, (own.get(operation) as Parameter[]).sort(byName));
    if (common.length) item.parameters = common.map(parameterObject);
    paths[path] = item;
  }
  return paths;
}

const parameterObject = (p: Parameter): Schema => ({
  in: p.in,
  name: p.name,
  ...(p.required ? { required: true } : {}),
  schema: { type: p.type, uniqueItems: true },
});

function operationObject(o: Operation, parameters: Parameter[]): Schema {
  const content = (type: string, media: string[]): Schema => {
    const schema = type === "string" ? { type: "string" } : { $ref: `#/components/schemas/${schemaName(type)}` };
    return Object.fromEntries([...media].sort().map((m) => [m, { schema }]));
  };
  const texts: Record<string, string> = { "200": "OK", "201": "Created", "202": "Accepted" };
  const responses: Record<string, unknown> = {};
  for (const [code, type] of Object.entries(o.responses)) responses[code] = { content: content(type, o.produces), description: texts[code] };
  responses["401"] = { description: "Unauthorized" };
  return {
    tags: [o.tag],
    operationId: o.operationId,
    ...(parameters.length ? { parameters: parameters.map(parameterObject) } : {}),
    ...(o.body ? { requestBody: { content: content(o.body, o.consumes), ...(o.bodyRequired ? { required: true } : {}) } } : {}),
    responses,
    ...(o.action ? { "x-kubernetes-action": o.action } : {}),
    ...(o.gvk ? { "x-kubernetes-group-version-kind": o.gvk } : {}),
  };
}
