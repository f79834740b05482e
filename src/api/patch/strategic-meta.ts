/** What the schema says about merging a field, and the error that upstream gives where it says nothing. */
import { goQuote } from "../go-quote.ts";
import { type Field, hasType, type TypeDef, typeByName } from "../schema/schema.ts";
import { StatusError } from "../status.ts";

export interface PatchMeta {
  /** The struct that a map is, or that a list's elements are; absent for maps with free keys and scalars. */
  type?: TypeDef;
  /** What the values are when they are no known struct, as Go names kinds. */
  kind?: string;
  /** Go's name of a struct that shows no fields. */
  opaque?: string;
  mergeKey?: string;
  /** Lists merge instead of replacing each other. */
  merges?: boolean;
  /** Maps replace each other instead of merging. */
  replaces?: boolean;
}

/** What upstream answers to an error that is no API error: 500 with its text. */
export const mergeError = (message: string): StatusError => new StatusError({ code: 500, message });

const opaque = new Set(["RawExtension", "FieldsV1", "JSON", "Time", "MicroTime", "Quantity", "IntOrString"]);

function kindOfType(type: string): string {
  if (type.startsWith("map[")) return "map";
  if (type.startsWith("[]") || type === "bytes") return "slice";
  if (opaque.has(type)) return "struct";
  return type === "Duration" ? "int64" : type;
}

function findField(parent: PatchMeta, name: string): Field {
  if (!parent.type) {
    if (parent.opaque) throw mergeError(`unable to find api field in struct ${parent.opaque} for the json field ${goQuote(name)}`);
    throw mergeError(`merging an object in json but data type is not struct, instead is: ${parent.kind}`);
  }
  const lower = name.toLowerCase();
  const field = parent.type.byName.get(name) ?? parent.type.flat.find((f) => f.name.toLowerCase() === lower);
  if (field) return field;
  const struct = parent.type.name.slice(parent.type.name.lastIndexOf(".") + 1);
  throw mergeError(`unable to find api field in struct ${struct} for the json field ${goQuote(name)}`);
}

const known = new WeakMap<Field, { list: PatchMeta; map: PatchMeta }>();

function metasOf(field: Field): { list: PatchMeta; map: PatchMeta } {
  const found = known.get(field);
  if (found) return found;
  const strategy = field.patchStrategy?.split(",").filter((s) => s !== "retainKeys")[0];
  const common = { mergeKey: field.patchMergeKey, merges: strategy === "merge", replaces: strategy === "replace" };
  const bare = field.type.replace(/^\*/, "");
  const describe = (type: string): PatchMeta => {
    const name = type.replace(/^\*/, "");
    return hasType(name) ? { ...common, type: typeByName(name) } : { ...common, kind: kindOfType(name), ...(opaque.has(name) ? { opaque: name } : {}) };
  };
  const metas = { map: describe(bare), list: describe(bare.replace(/^\[\]/, "")) };
  known.set(field, metas);
  return metas;
}

/** Throws for a field that the parent does not have, or that is no list though `list` says so. */
export function patchMetaOf(parent: PatchMeta, name: string, list: boolean): PatchMeta {
  const field = findField(parent, name);
  if (list && !field.type.startsWith("[]") && !field.type.startsWith("*")) throw mergeError("expected slice or array type, but got: struct");
  const metas = metasOf(field);
  return list ? metas.list : metas.map;
}
