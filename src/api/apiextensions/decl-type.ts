/** What a schema's values are to expressions, and how large they may become (k8s.io/apiserver/pkg/cel/common/schemas.go). */
import type { Struct } from "../cel/declarations.ts";
import { listOf, mapOf, struct, type Type, types } from "../cel/types.ts";
import { escapeName } from "./decl-name.ts";
import { hasDefault, isEmbedded, isIntOrString, itemsOf, type Schema, valuesOf } from "./schema.ts";
import { table } from "../../base/table.ts";

/** Bytes of the largest request. */
export const maxRequestSize = 3 * 1024 * 1024;

export interface DeclType {
  readonly type: Type;
  /** That the names of types below it begin with. */
  readonly name?: string;
  /** Of an element list or map, or of a string's bytes. */
  readonly maxElements: number;
  /** Bytes of the smallest value as JSON. */
  readonly minSize: number;
  /** By escaped name. */
  readonly fields?: ReadonlyMap<string, DeclType>;
  readonly key?: DeclType;
  readonly element?: DeclType;
}

const simple = (type: Type, minSize: number, maxElements = 0): DeclType => ({ type, minSize, maxElements });
const stringType = simple(types.string, 2, maxRequestSize - 2);
const keyType = simple(types.string, 2);
const scalars = table<DeclType>({
  boolean: simple(types.bool, 4),
  number: simple(types.double, 1),
  integer: simple(types.int, 1),
});
const positive = (value: number): number => Math.max(0, Number(value));

function textType(schema: Schema): DeclType {
  const { maxLength, enum: choices } = schema;
  switch (schema.format) {
    case "byte":
      return simple(types.bytes, 2, maxLength === undefined ? maxRequestSize - 2 : positive(maxLength));
    case "duration":
      return simple(types.duration, 3, 32);
    case "date":
      return simple(types.timestamp, 12, 12);
    case "date-time":
      return simple(types.timestamp, 21, 32);
  }
  if (maxLength !== undefined) return simple(types.string, 2, positive(maxLength) * 4);
  if (choices?.length) return simple(types.string, 2, Math.max(0, ...choices.map((one) => (typeof one === "string" ? Buffer.byteLength(one) : 0))));
  return stringType;
}

const text: Schema = { type: "string" };
const metadata: Schema = { type: "object", properties: { name: text, generateName: text } };
/** kind, apiVersion and two names are there whatever the schema says. */
export const withMeta = (schema: Schema): Schema => ({ ...schema, properties: { ...schema.properties, kind: text, apiVersion: text, metadata } });

/** undefined: expressions do not see such values. `structs` takes the types of objects, under names that begin with `name`. */
export function declTypeOf(schema: Schema, isResource: boolean, name: string, structs: Record<string, Struct>): DeclType | undefined {
  if (isIntOrString(schema)) return simple(types.dyn, 1, schema.maxLength === undefined ? maxRequestSize - 2 : positive(schema.maxLength) * 4);
  const own = isResource ? withMeta(schema) : schema;
  switch (own.type) {
    case "array": {
      const items = itemsOf(own);
      const element = items && declTypeOf(items, isEmbedded(items), `${name}.@idx`, structs);
      if (!element) return undefined;
      const max = own.maxItems === undefined ? Math.floor((maxRequestSize - 2) / (element.minSize + 1)) : positive(own.maxItems);
      return { type: listOf(element.type), name, minSize: 2, maxElements: max, element };
    }
    case "object": {
      const values = valuesOf(own);
      return values ? mapType(own, values, name, structs) : objectType(own, name, structs);
    }
    case "string":
      return textType(own);
  }
  return own.type === undefined ? undefined : scalars[own.type];
}

function mapType(schema: Schema, values: Schema, name: string, structs: Record<string, Struct>): DeclType | undefined {
  const element = declTypeOf(values, isEmbedded(values), `${name}.@elem`, structs);
  if (!element) return undefined;
  const max = schema.maxProperties === undefined ? Math.floor((maxRequestSize - 2) / (element.minSize + 6)) : positive(schema.maxProperties);
  return { type: mapOf(types.string, element.type), name, minSize: 2, maxElements: max, key: keyType, element };
}

function objectType(schema: Schema, name: string, structs: Record<string, Struct>): DeclType {
  const fields = new Map<string, DeclType>();
  const required = new Set(schema.required ?? []);
  let minSize = 2;
  for (const [property, of] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(property);
    const field = declTypeOf(of, isEmbedded(of), `${name}.${escaped ?? property}`, structs);
    if (!field) continue;
    if (escaped !== undefined) fields.set(escaped, field);
    if (required.has(property) && !hasDefault(of)) minSize += Buffer.byteLength(property) + field.minSize + 4;
  }
  const type = struct(name);
  structs[name] = { type, field: (field) => fields.get(field)?.type };
  return { type, name, minSize, maxElements: 0, fields };
}
