/** Defaults of a structural schema (apiextensions-apiserver/pkg/apiserver/schema/defaulting/algorithm.go). */
import { deepCopy } from "../copy.ts";
import type { JSONValue } from "../json.ts";
import { put } from "../codec/json.ts";
import { isMap } from "../patch/values.ts";
import { type Node, nodeOf } from "./node.ts";
import type { Schema } from "./schema.ts";

/** Changes `value`. A null where none may be takes the default as well. */
export function applyDefaults(value: JSONValue | undefined, schema: Schema | undefined): void {
  if (schema) fill(value, nodeOf(schema));
}

const isMissing = (value: JSONValue | undefined, node: Node): boolean => value === undefined || (value === null && !node.nullable);

function fill(value: JSONValue | undefined, node: Node): void {
  if (!node.defaults) return;
  if (Array.isArray(value)) {
    const { items } = node;
    if (!items) return;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && !items.nullable) value[i] = deepCopy(items.default ?? null);
      fill(value[i], items);
    }
  } else if (isMap(value)) {
    if (node.properties)
      for (const [name, property] of node.properties) {
        if (!property.defaults) continue;
        const own = Object.hasOwn(value, name) ? value[name] : undefined;
        if (property.default !== undefined && isMissing(own, property)) put(value, name, deepCopy(property.default));
        fill(Object.hasOwn(value, name) ? value[name] : undefined, property);
      }
    const { values } = node;
    if (!values?.defaults) return;
    for (const key of Object.keys(value)) {
      if (node.properties?.has(key)) continue;
      if (value[key] === null && !values.nullable) put(value, key, deepCopy(values.default ?? null));
      fill(value[key], values);
    }
  }
}
