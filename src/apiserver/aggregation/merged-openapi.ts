/**
 * OpenAPI v2 of this server with what others serve (k8s.io/kube-openapi/pkg/aggregator): only the paths that a server is asked
 * for, with the definitions that they need; a definition that differs from the one of the same name gets another name. Pure.
 */
import { isMap } from "../../api/json.ts";
import { deepEqual } from "../../api/copy.ts";

export type Swagger = Record<string, unknown>;
type Members = Record<string, unknown>;

const prefix = "#/definitions/";
const membersOf = (document: Swagger, name: string): Members => (isMap(document[name]) ? document[name] : {});

/** Nesting beyond which a document is not followed: real ones stay far below. */
const maxDepth = 200;

/** A copy with every reference as `rename` has it. Throws for a document that is nested too deep. */
function withReferences(value: unknown, rename: (name: string) => string, depth = 0): unknown {
  if (depth > maxDepth) throw new Error("the OpenAPI document is nested too deep");
  if (Array.isArray(value)) return value.map((one) => withReferences(one, rename, depth + 1));
  if (!isMap(value)) return value;
  const out: Members = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    const isReference = key === "$ref" && typeof item === "string" && item.startsWith(prefix);
    out[key] = isReference ? prefix + rename(item.slice(prefix.length)) : withReferences(item, rename, depth + 1);
  }
  return out;
}

/** The part of a document below a path, with what it refers to. Throws for what is no OpenAPI v2 document. */
export function below(document: unknown, path: string): Swagger {
  if (!isMap(document) || !isMap(document.paths)) throw new Error("the answer is no OpenAPI v2 document");
  const all = membersOf(document, "definitions");
  const paths = Object.fromEntries(Object.entries(document.paths).filter(([own]) => own === path || own.startsWith(`${path}/`)));
  const definitions: Members = Object.create(null);
  const waiting: unknown[] = [paths];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    withReferences(next, (name) => {
      if (!(name in definitions) && Object.hasOwn(all, name)) {
        definitions[name] = all[name];
        waiting.push(all[name]);
      }
      return name;
    });
  }
  return { paths, definitions };
}

const kindsKey = "x-kubernetes-group-version-kind";
const withoutKinds = (value: unknown): unknown => {
  if (!isMap(value)) return value;
  const { [kindsKey]: _, ...rest } = value;
  return rest;
};

/** `base` stays as it is. */
export function mergedSwagger(base: Swagger, others: readonly Swagger[]): Swagger {
  const paths = { ...membersOf(base, "paths") };
  const definitions = { ...membersOf(base, "definitions") };
  for (const other of others) {
    const own = membersOf(other, "definitions");
    const names = new Map<string, string>();
    for (const [name, definition] of Object.entries(own)) {
      let free = name;
      for (let n = 2; Object.hasOwn(definitions, free) && !deepEqual(withoutKinds(definitions[free]) as object, withoutKinds(definition) as object); n++)
        free = `${name}_v${n}`;
      names.set(name, free);
    }
    const rename = (name: string): string => names.get(name) ?? name;
    for (const [name, definition] of Object.entries(own))
      if (!Object.hasOwn(definitions, rename(name))) definitions[rename(name)] = withReferences(definition, rename);
    for (const [path, item] of Object.entries(membersOf(other, "paths"))) if (!Object.hasOwn(paths, path)) paths[path] = withReferences(item, rename);
  }
  return { ...base, paths, definitions };
}
