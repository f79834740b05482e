/** Sets have no element twice, maps no key (apiextensions-apiserver/pkg/apiserver/schema/listtype). */
import { encodeJSONString, sortKeys } from "../codec/json.ts";
import { duplicate, type FieldError, freeForm, invalidValue, Path } from "../field.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { set } from "../patch/values.ts";
import { type Node, nodeOf } from "./node.ts";
import type { Schema } from "./schema.ts";

export function validateLists(object: JSONObject, schema: Schema | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (schema) walk(object, nodeOf(schema), new Path(), errors);
  return errors;
}

function walk(value: JSONValue | undefined, node: Node, at: Path, errors: FieldError[]): void {
  if (!node.lists) return;
  if (Array.isArray(value)) {
    const type = node.schema["x-kubernetes-list-type"];
    if (type === "set") for (const i of repeated(value)) errors.push(duplicate(at.index(i), freeForm(value[i] ?? null)));
    if (type === "map") validateMap(value, node.schema["x-kubernetes-list-map-keys"] ?? [], at, errors);
    const { items } = node;
    if (items?.lists) for (const [i, item] of value.entries()) walk(item, items, at.index(i), errors);
  } else if (isMap(value)) {
    const { values, properties } = node;
    if (values?.lists) for (const key of Object.keys(value)) walk(value[key], values, at.key(key), errors);
    if (properties)
      for (const key of Object.keys(value)) {
        const property = properties.get(key);
        if (property?.lists) walk(value[key], property, at.child(key), errors);
      }
  }
}

const nameOf = (value: JSONValue): string => encodeJSONString(typeof value === "object" ? sortKeys(value) : value);

/** Where an element stands for the second time. */
function repeated(values: readonly JSONValue[]): number[] {
  if (values.length < 2) return [];
  const seen = new Map<string, number>();
  const found: number[] = [];
  for (const [i, value] of values.entries()) {
    const name = nameOf(value);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    if (times === 2) found.push(i);
  }
  return found;
}

function validateMap(values: readonly JSONValue[], keys: readonly string[], at: Path, errors: FieldError[]): void {
  for (const [i, value] of values.entries())
    if (value !== null && !isMap(value)) {
      errors.push(invalidValue(at.index(i), freeForm(value), "must be an object for an array of list-type map"));
      return;
    }
  const named = values.map((value): JSONObject => {
    const key: JSONObject = {};
    if (isMap(value)) for (const name of keys) if (Object.hasOwn(value, name)) set(key, name, value[name]);
    return key;
  });
  for (const i of repeated(named)) errors.push(duplicate(at.index(i), freeForm(named[i] ?? null)));
}
