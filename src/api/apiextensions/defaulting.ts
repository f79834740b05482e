/** Defaults of a structural schema (apiextensions-apiserver/pkg/apiserver/schema/defaulting/algorithm.go). */
import { own } from "../../base/table.ts";
import { deepCopy } from "../copy.ts";
import { isMap, type JSONValue } from "../json.ts";
import { encodeJSONString, put } from "../codec/json.ts";
import { requestEntityTooLarge } from "../status.ts";
import { type Node, nodeOf } from "./node.ts";
import type { Schema } from "./schema.ts";

/** Characters of JSON that defaults may add to an object: a small one with a long list of empty elements could become gigabytes. */
export const defaultsAtMost = 16 * 2 ** 20;

/** Changes `value`. A null where none may be takes the default as well. Throws 413 where defaults would add more than `defaultsAtMost`. */
export function applyDefaults(value: JSONValue | undefined, schema: Schema | undefined): void {
  if (schema) fill(value, nodeOf(schema), { left: defaultsAtMost });
}

const isMissing = (value: JSONValue | undefined, node: Node): boolean => value === undefined || (value === null && !node.nullable);

const sizes = new WeakMap<Node, number>();

/** A copy of the node's default, which takes from what is left of `room`. */
function defaultOf(node: Node, room: { left: number }): JSONValue {
  let size = sizes.get(node);
  if (size === undefined) {
    size = encodeJSONString(node.default ?? null).length;
    sizes.set(node, size);
  }
  room.left -= size;
  if (room.left < 0) throw requestEntityTooLarge(`defaults of the schema add more than ${defaultsAtMost} characters to the object`);
  return deepCopy(node.default ?? null);
}

function fill(value: JSONValue | undefined, node: Node, room: { left: number }): void {
  if (!node.defaults) return;
  if (Array.isArray(value)) {
    const { items } = node;
    if (!items) return;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && !items.nullable) value[i] = defaultOf(items, room);
      fill(value[i], items, room);
    }
  } else if (isMap(value)) {
    if (node.properties)
      for (const [name, property] of node.properties) {
        if (!property.defaults) continue;
        const given = own(value, name);
        if (property.default !== undefined && isMissing(given, property)) put(value, name, defaultOf(property, room));
        fill(own(value, name), property, room);
      }
    const { values } = node;
    if (!values?.defaults) return;
    for (const key of Object.keys(value)) {
      if (node.properties?.has(key)) continue;
      if (value[key] === null && !values.nullable) put(value, key, defaultOf(values, room));
      fill(value[key], values, room);
    }
  }
}
