/**
 * Lists that annotations hold as JSON, read as Go reads them into types whose fields have no names of their own
 * (encoding/json): case does not count, null is nothing, what is not known is passed over.
 */
import { DecodeError } from "../codec/decode-error.ts";
import { parseJSON } from "../codec/json.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { jsonKind } from "../patch/values.ts";

/** Go's names of a struct's fields, and of their types. */
export type GoFields = Readonly<Record<string, string>>;

const wrongKind = (value: JSONValue, type: string, place = "Go value"): string => `json: cannot unmarshal ${jsonKind(value)} into ${place} of type ${type}`;

/** Go's words for what is none of the type; undefined where it is one. */
function mistake(value: JSONValue, type: string, place: string): string | undefined {
  if (type !== "int64") return typeof value === "string" ? undefined : wrongKind(value, type, place);
  if (typeof value === "number" && !Number.isSafeInteger(value)) return `json: cannot unmarshal number ${value} into ${place} of type ${type}`;
  return typeof value === "number" || typeof value === "bigint" ? undefined : wrongKind(value, type, place);
}

/** `type`: of the elements, `core.Taint`. Why it cannot be read, in Go's words, instead of a list. */
export function annotationList<T>(text: string, type: string, fields: GoFields): T[] | string {
  let list: JSONValue;
  try {
    list = parseJSON(text).value;
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  if (list === null) return [];
  if (!Array.isArray(list)) return wrongKind(list, `[]${type}`);
  const names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  const items: T[] = [];
  for (const item of list) {
    if (item !== null && !isMap(item)) return wrongKind(item, type);
    const read: JSONObject = {};
    for (const [key, value] of Object.entries(item ?? {})) {
      const name = names.get(key.toLowerCase());
      if (name === undefined || value === undefined || value === null) continue;
      const why = mistake(value, fields[name] as string, `Go struct field ${type.slice(type.indexOf(".") + 1)}.${name}`);
      if (why) return why;
      read[`${name[0]?.toLowerCase()}${name.slice(1)}`] = value;
    }
    items.push(read as T);
  }
  return items;
}
