/** OpenAPI v2 (swagger): one document of everything, made at first use. Parameters stand at their operations, not in a shared list. */
import { kinds, resources } from "../schema/schema.ts";
import type { Operation, Parameter } from "./operations.ts";
import { type Schema, schemaName } from "./schemas.ts";
import { type Document, hoist, openapiV3Paths, operationsAt, type Served, schemasFor } from "./v3.ts";

const documents = new WeakMap<Served, Document>();

/** Shared: not to be changed. */
export function openapiV2(served: Served = resources): Document {
  const document = documents.get(served) ?? build(served);
  documents.set(served, document);
  return document;
}

function build(served: Served): Document {
  const operations = openapiV3Paths(served).flatMap((path) => operationsAt(path, served) ?? []);
  const schemas = schemasFor(operations, served, groupVersions());
  const definitions = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, toV2(schema) as Schema]));
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: "1.36" },
    paths: swaggerPaths(operations),
    definitions,
    securityDefinitions: { BearerToken: { description: "Bearer Token authentication", in: "header", name: "authorization", type: "apiKey" } },
    security: [{ BearerToken: [] }],
  };
}

/** Every group and version that upstream's scheme has kinds in, served or not, in order. */
export function groupVersions(): { group: string; version: string }[] {
  const names = new Set([
    ...Object.keys(kinds).map((gvk) => gvk.slice(0, gvk.lastIndexOf("/"))),
    "apiextensions.k8s.io/v1beta1",
    "apiregistration.k8s.io/v1beta1",
  ]);
  return [...names]
    .map((name) => ({ group: name.includes("/") ? (name.split("/")[0] as string) : "", version: name.slice(name.lastIndexOf("/") + 1) }))
    .filter(({ group }) => group !== "apidiscovery.k8s.io" && group !== "meta.k8s.io")
    .sort((a, b) => (a.group === b.group ? (a.version < b.version ? -1 : 1) : a.group < b.group ? -1 : 1));
}

/** Version 2 knows no defaults of references, no allOf around them and no oneOf: a choice is written as text. */
export function toV2(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toV2);
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value.replace("#/components/schemas/", "#/definitions/") : value;
  const { allOf, oneOf, default: fallback, ...rest } = value as Schema;
  const out: Schema = {};
  if (Array.isArray(allOf)) Object.assign(out, toV2(allOf[0]));
  if (oneOf) out.type = "string";
  for (const [key, item] of Object.entries(rest)) {
    out[key] = key === "properties" ? Object.fromEntries(Object.entries(item as Schema).map(([name, property]) => [name, toV2(property)])) : toV2(item);
  }
  return out;
}

export function swaggerPaths(operations: Operation[]): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  const byPath = Map.groupBy(operations, (o) => o.path);
  for (const path of [...byPath.keys()].sort()) {
    const here = byPath.get(path) as Operation[];
    const { common, own } = hoist(here);
    const item: Record<string, unknown> = {};
    for (const operation of here) item[operation.method] = operationObject(operation, own.get(operation) as Parameter[]);
    if (common.length) item.parameters = common.map(parameterObject);
    paths[path] = item;
  }
  return paths;
}

const parameterObject = (p: Parameter): Schema => ({ uniqueItems: true, type: p.type, name: p.name, in: p.in, ...(p.required ? { required: true } : {}) });

function operationObject(o: Operation, own: Parameter[]): Schema {
  const reference = (type: string): Schema => (type === "string" ? { type: "string" } : { $ref: `#/definitions/${schemaName(type)}` });
  const texts: Record<string, string> = { "200": "OK", "201": "Created", "202": "Accepted" };
  const responses: Record<string, unknown> = {};
  for (const [code, type] of Object.entries(o.responses)) responses[code] = { description: texts[code], schema: reference(type) };
  responses["401"] = { description: "Unauthorized" };
  const body = o.body ? [{ name: "body", in: "body", ...(o.bodyRequired ? { required: true } : {}), schema: reference(o.body) }] : [];
  const parameters = [...body, ...own.map(parameterObject)].sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  return {
    ...(o.consumes.length ? { consumes: o.consumes } : {}),
    produces: o.produces,
    schemes: ["https"],
    tags: [o.tag],
    operationId: o.operationId,
    ...(parameters.length ? { parameters } : {}),
    responses,
    ...(o.action ? { "x-kubernetes-action": o.action } : {}),
    ...(o.gvk ? { "x-kubernetes-group-version-kind": o.gvk } : {}),
  };
}
