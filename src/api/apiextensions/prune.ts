/** What a structural schema does not name goes (apiextensions-apiserver/pkg/apiserver/schema/pruning). */
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { type Node, nodeOf } from "./node.ts";
import type { Schema } from "./schema.ts";

const metaFields = new Set(["apiVersion", "kind", "metadata"]);

/** Changes `value`. Of a resource, apiVersion, kind and metadata stay. Gives the paths of what it took away, sorted. */
export function prune(value: JSONValue, schema: Schema | undefined, isResource: boolean): string[] {
  const pruned: string[] = [];
  pruneValue(value, schema && nodeOf(schema), "", pruned, isResource);
  return pruned.length > 1 ? pruned.sort() : pruned;
}

const below = (path: string, key: string): string => (path ? `${path}.${key}` : key);

function pruneValue(value: JSONValue, node: Node | undefined, path: string, pruned: string[], isResource = false): void {
  if (typeof value !== "object" || value === null) return;
  if (node?.preserves) {
    skip(value, node, path, pruned, isResource);
    return;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) pruneValue(value[i] as JSONValue, node?.items, `${path}[${i}]`, pruned);
    return;
  }
  for (const key of Object.keys(value)) {
    if ((isResource || node?.embedded) && metaFields.has(key)) continue;
    const property = node?.properties?.get(key);
    if (property) pruneValue(value[key] as JSONValue, property, below(path, key), pruned);
    else if (node?.more) pruneValue(value[key] as JSONValue, node.values, below(path, key), pruned);
    else {
      if (!metaFields.has(key) || path !== "") pruned.push(below(path, key));
      delete value[key];
    }
  }
}

/** Unknown fields are kept here; what the schema names is looked at all the same. */
function skip(value: JSONValue, node: Node | undefined, path: string, pruned: string[], isResource = false): void {
  if (!node || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) skip(value[i] as JSONValue, node.items, `${path}[${i}]`, pruned);
    return;
  }
  for (const key of Object.keys(value)) {
    if ((isResource || node.embedded) && metaFields.has(key)) continue;
    const property = node.properties?.get(key);
    if (property) pruneValue(value[key] as JSONValue, property, below(path, key), pruned);
    else if (node.more) pruneValue(value[key] as JSONValue, node.values, below(path, key), pruned);
  }
}

/** Nulls that may be none and have no default go (schema/defaulting/prunenulls.go). Changes `value`. */
export function pruneNulls(value: JSONValue | undefined, node: Node | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") pruneNulls(item, node?.items);
  } else if (isMap(value))
    for (const key of Object.keys(value)) {
      const item = value[key];
      if (typeof item !== "object") continue;
      const property = node?.properties?.get(key) ?? (node?.more ? node.values : undefined);
      if (item === null && property && !property.nullable && property.default === undefined) delete value[key];
      else pruneNulls(item, property);
    }
}

export const pruneNullsOf = (object: JSONObject, schema: Schema | undefined): void => pruneNulls(object, schema && nodeOf(schema));
