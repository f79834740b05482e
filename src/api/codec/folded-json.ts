/**
 * JSON in annotations, which upstream reads with encoding/json: a name that is written in letters of another size is that name
 * all the same, and an element that is null is an empty one.
 */
import type { JSONObject } from "../json.ts";
import { hasType, type TypeDef, typeByName } from "../schema/schema.ts";
import { DecodeError } from "./decode-error.ts";
import { type JSONNode, parseNodes } from "./json-syntax.ts";
import { readTyped } from "./typed-reader.ts";

/** A struct of `type`; undefined for null and for what does not fit whole. */
export const readFolded = (type: string, text: string): JSONObject | undefined => read(text, (node) => ofType(type, node));

/** A list of such structs; undefined for what does not fit whole. */
export const readFoldedList = (type: string, text: string): JSONObject[] | undefined =>
  read(text, (node) => {
    if (node.kind === "null") return [];
    if (node.kind !== "array") throw new DecodeError(`json: cannot unmarshal ${node.kind} into Go value of type []${type}`);
    return node.values.map((item) => ofType(type, item) ?? {});
  });

function read<T>(text: string, take: (node: JSONNode) => T): T | undefined {
  try {
    return take(parseNodes(text));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function ofType(name: string, node: JSONNode): JSONObject | undefined {
  if (node.kind === "null") return undefined;
  const type = typeByName(name);
  if (node.kind !== "object") throw new DecodeError(`json: cannot unmarshal ${node.kind} into Go value of type ${name}`);
  return readTyped(type, namedAs(type, node)).value;
}

function namedAs(type: TypeDef, node: JSONNode): JSONNode {
  if (node.kind !== "object") return node;
  const known = new Map(type.flat.map(({ name }) => [name.toLowerCase(), name]));
  const keys = node.keys.map((key) => (type.byName.has(key) ? key : (known.get(key.toLowerCase()) ?? key)));
  return { ...node, keys, values: node.values.map((value, i) => named(type.byName.get(keys[i] as string)?.type, value)) };
}

function named(type: string | undefined, node: JSONNode): JSONNode {
  const inner = type?.replace(/^\*/, "") ?? "";
  if (inner.startsWith("[]")) return node.kind === "array" ? { ...node, values: node.values.map((item) => named(inner.slice(2), item)) } : node;
  return hasType(inner) ? namedAs(typeByName(inner), node) : node;
}
