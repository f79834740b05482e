/**
 * What mutations are written with: `Object{spec: Object.spec{replicas: 3}}` and `JSONPatch{op: "add", path: "/a", value: 1}`
 * (k8s.io/apiserver/pkg/cel/mutation). An object has any fields; the name of its type says where it belongs.
 */
import type { JSONObject, JSONValue } from "../../json.ts";
import { goQuote } from "../../go-quote.ts";
import type { Library, Struct } from "../declarations.ts";
import { formatDuration, formatTimestamp } from "./time-values.ts";
import { struct, type Type, types } from "../types.ts";
import { CelError, Duration, equal, isError, ListValue, MapValue, ObjectValue, Timestamp, typeOfValue, UInt, type Value } from "../values.ts";
import { table } from "../../../base/table.ts";

export const objectType = struct("Object");
export const jsonPatchType = struct("JSONPatch");

/** Why a value is nothing that a mutation could be made of. */
export class MutationError extends Error {}

export class MutationObject extends ObjectValue {
  readonly type: Type;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(type: Type, fields: ReadonlyMap<string, Value>) {
    super();
    this.type = type;
    this.fields = fields;
  }
  override get(field: string): Value | undefined {
    return this.fields.get(field);
  }
  override has(field: string): boolean {
    return this.fields.has(field);
  }
  override isZero(): boolean {
    return this.fields.size === 0;
  }
  equals(other: Value): boolean {
    if (!(other instanceof MutationObject) || other.type.name !== this.type.name || other.fields.size !== this.fields.size) return false;
    return [...this.fields].every(([name, value]) => {
      const its = other.fields.get(name);
      return its !== undefined && equal(value, its);
    });
  }
}

const texts = ["op", "path", "from"];
export class JSONPatchOperation extends ObjectValue {
  readonly type = jsonPatchType;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(fields: ReadonlyMap<string, Value>) {
    super();
    this.fields = fields;
  }
  override get(field: string): Value | undefined {
    return this.fields.get(field) ?? (texts.includes(field) ? "" : undefined);
  }
  override has(field: string): boolean {
    return field === "value" ? this.fields.has(field) : Boolean(this.fields.get(field));
  }
  equals(other: Value): boolean {
    if (!(other instanceof JSONPatchOperation) || texts.some((name) => other.get(name) !== this.get(name))) return false;
    const [mine, its] = [this.fields.get("value"), other.fields.get("value")];
    return mine === undefined || its === undefined ? mine === its : equal(mine, its);
  }
}

const patchFields = table<Type>({ op: types.string, path: types.string, from: types.string, value: types.dyn });
const jsonPatch: Struct = {
  type: jsonPatchType,
  // What there is not has no type's name, in upstream's words too.
  field: (name) => patchFields[name] ?? struct(""),
  create(fields) {
    for (const name of fields.keys()) if (!patchFields[name]) return new CelError(`unexpected JSONPatchType field: ${name}`);
    for (const name of texts) {
      const value = fields.get(name);
      if (value !== undefined && typeof value !== "string") return new CelError(`unexpected type ${typeOfValue(value).name} for JSONPatchType '${name}' field`);
    }
    return new JSONPatchOperation(fields);
  },
};
function objectStruct(name: string): Struct {
  const type = name === objectType.name ? objectType : struct(name);
  return { type, field: () => types.dyn, create: (fields) => new MutationObject(type, fields) };
}

export const mutation: Library = {
  structs: { [jsonPatchType.name]: jsonPatch, [objectType.name]: objectStruct(objectType.name) },
  resolveStruct: (name) => (name.startsWith(`${objectType.name}.`) ? objectStruct(name) : undefined),
};

/** Every object's type must be named like the way of fields to it; lists and maps have no name on that way. Throws MutationError. */
export function checkTypeNames(value: Value): void {
  const errors: string[] = [];
  const visit = (at: Value, path: string): void => {
    if (at instanceof MutationObject) {
      const { name } = at.type;
      if (name !== path) errors.push(`unexpected type name ${goQuote(name)}, expected ${goQuote(path)}, which matches field name path from root Object type`);
      for (const [field, inner] of at.fields) visit(inner, `${path}.${field}`);
    } else if (at instanceof ListValue) for (const item of at) visit(item, path);
    else if (at instanceof MapValue) for (const key of at.keys()) visit(at.get(key) as Value, path);
  };
  visit(value, value instanceof MutationObject ? value.type.name : objectType.name);
  if (errors.length) throw new MutationError(errors.join("\n"));
}

/** The JSON that the value stands for. Throws MutationError. */
export function mutationJSON(value: Value): JSONValue {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return value;
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : (value as unknown as JSONValue);
  }
  if (value === null) return null;
  if (isError(value)) throw new MutationError(value.message);
  if (value instanceof MutationObject) {
    const object: JSONObject = Object.create(null) as JSONObject;
    for (const [name, inner] of value.fields) object[name] = mutationJSON(inner);
    return object;
  }
  if (value instanceof ListValue) return [...value].map(mutationJSON);
  if (value instanceof MapValue) {
    const object: JSONObject = Object.create(null) as JSONObject;
    for (const key of value.keys()) {
      if (typeof key !== "string") throw new MutationError(`map key is of type ${typeOfValue(key).name}, not string`);
      object[key] = mutationJSON(value.get(key) as Value);
    }
    return object;
  }
  if (value instanceof UInt) return mutationJSON(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  throw new MutationError(`type ${typeOfValue(value).name} could not marshal to JSON`);
}
