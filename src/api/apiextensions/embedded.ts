/** apiVersion, kind and metadata of resources within resources, and metadata of the resource itself (pkg/apiserver/schema/objectmeta). */
import { DecodeError } from "../codec/decode-error.ts";
import { normalize } from "../codec/normalize.ts";
import { type FieldError, freeForm, invalidValue, Path, required } from "../field.ts";
import { parseGroupVersion, unexpectedGroupVersion } from "../group-version.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { pathSegmentName } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import { isDNS1035Label } from "../names.ts";
import { typeByName } from "../schema/schema.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { type Node, nodeOf } from "./node.ts";
import { asResource, type Schema } from "./schema.ts";

const metaType = () => typeByName("meta/v1.ObjectMeta");

export interface CoerceOptions {
  /** Fields that are not of their type go instead of being an error: of what was stored before anybody looked. */
  dropInvalid: boolean;
}

/** metadata as Go's ObjectMeta holds it; undefined: it is not of its type and `dropInvalid`. Throws DecodeError. */
export function readObjectMeta(metadata: JSONValue, { dropInvalid }: CoerceOptions, unknown: string[], prefix: string): JSONObject | undefined {
  try {
    const read = normalize(metaType(), metadata, "written");
    for (const text of read.unknown) unknown.push(`${prefix}.${text.slice(text.indexOf('"') + 1, -1)}`);
    return read.object;
  } catch (error) {
    if (!(error instanceof DecodeError) || !dropInvalid) throw error;
    if (!isMap(metadata)) return undefined;
    const kept: JSONObject = {};
    for (const key of Object.keys(metadata)) {
      try {
        Object.assign(kept, normalize(metaType(), { [key]: metadata[key] }, "written").object);
      } catch (misfit) {
        if (!(misfit instanceof DecodeError)) throw misfit;
      }
    }
    return kept;
  }
}

/** Brings metadata of embedded resources into its form; changes `value`. The first thing that is not of its type is given. */
export function coerceEmbedded(
  value: JSONValue | undefined,
  schema: Schema | undefined,
  options: CoerceOptions,
  unknown: string[],
  at = new Path(),
): FieldError | undefined {
  const node = schema && nodeOf(schema);
  return node?.embeds ? coerce(value, node, options, unknown, at) : undefined;
}

function coerce(value: JSONValue | undefined, node: Node, options: CoerceOptions, unknown: string[], at: Path): FieldError | undefined {
  if (Array.isArray(value)) {
    if (!node.items?.embeds) return undefined;
    for (const [i, item] of value.entries()) {
      const wrong = coerce(item, node.items, options, unknown, at.index(i));
      if (wrong) return wrong;
    }
  } else if (isMap(value))
    for (const key of Object.keys(value)) {
      const wrong = (node.embedded && coerceMeta(value, key, options, unknown, at)) || undefined;
      if (wrong) return wrong;
      const property = node.properties?.get(key);
      const below = property ?? (node.more ? node.values : undefined);
      const inner = below?.embeds ? coerce(value[key], below, options, unknown, property ? at.child(key) : at.key(key)) : undefined;
      if (inner) return inner;
    }
  return undefined;
}

function coerceMeta(object: JSONObject, key: string, options: CoerceOptions, unknown: string[], at: Path): FieldError | undefined {
  const value = object[key] as JSONValue;
  if ((key === "apiVersion" || key === "kind") && typeof value !== "string") {
    if (!options.dropInvalid) return invalidValue(at.child(key), freeForm(value), "must be a string");
    delete object[key];
  }
  if (key !== "metadata") return undefined;
  try {
    const meta = readObjectMeta(value, options, unknown, at.child("metadata").text);
    if (!meta) return undefined;
    if (meta.creationTimestamp === null) delete meta.creationTimestamp;
    object.metadata = meta;
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return invalidValue(at.child("metadata"), freeForm(value), error.message);
    throw error;
  }
}

/** Of embedded resources, and of the value itself where it is one. */
export function validateEmbedded(value: JSONValue | undefined, schema: Schema | undefined, at: Path, isResource = false): FieldError[] {
  if (!schema && !isResource) return [];
  const node = nodeOf(isResource ? asResource(schema ?? {}) : (schema as Schema));
  const errors: FieldError[] = [];
  if (node.embeds) validate(value, node, at, errors);
  return errors;
}

function validate(value: JSONValue | undefined, node: Node, at: Path, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items?.embeds) for (const [i, item] of value.entries()) validate(item, items, at.index(i), errors);
  } else if (isMap(value)) {
    if (node.embedded) validateResource(value, at, errors);
    for (const key of Object.keys(value)) {
      const property = node.properties?.get(key);
      const below = property ?? (node.more ? node.values : undefined);
      if (below?.embeds) validate(value[key], below, property ? at.child(key) : at.key(key), errors);
    }
  }
}

function validateResource(object: JSONObject, at: Path, errors: FieldError[]): void {
  for (const name of ["apiVersion", "kind"]) if (!Object.hasOwn(object, name)) errors.push(required(at.child(name)));
  for (const [key, value] of Object.entries(object)) {
    const here = at.child(key);
    if (key === "apiVersion" || key === "kind") {
      if (typeof value !== "string") errors.push(invalidValue(here, freeForm(value ?? null), "must be a string"));
      else if (value === "") errors.push(invalidValue(here, value, "must not be empty"));
      else if (key === "apiVersion") {
        if (!parseGroupVersion(value)) errors.push(invalidValue(here, value, unexpectedGroupVersion(value)));
      } else {
        const wrong = isDNS1035Label(value.toLowerCase());
        if (wrong.length) errors.push(invalidValue(here, value, `may have mixed case, but should otherwise match: ${wrong.join(",")}`));
      }
    } else if (key === "metadata") {
      try {
        const meta = normalize(metaType(), value as JSONValue, "written").object as unknown as ObjectMeta;
        if (!meta.name) meta.name = "fakename";
        errors.push(...validateObjectMeta(meta, { namespaced: !!meta.namespace, validateName: pathSegmentName }, here));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        errors.push(invalidValue(here, freeForm(value ?? null), error.message));
      }
    }
  }
}
