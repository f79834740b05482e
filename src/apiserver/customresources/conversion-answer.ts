/** What a conversion webhook gave back, judged: only labels and annotations of metadata are its to change. */
import { type FieldError, path } from "../../api/field.ts";
import { isMap, type JSONObject, type JSONValue, textOf } from "../../api/json.ts";
import { validateLabels } from "../../api/meta/labels.ts";
import { validateAnnotations } from "../../api/meta/validation.ts";

/** Of Go's %T for what JSON gives. */
function goType(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}

const metaOf = (object: JSONObject): JSONObject => (isMap(object.metadata) ? object.metadata : {});

/** What may not differ does; undefined: nothing. */
export function misconverted(original: JSONObject, converted: JSONObject): string | undefined {
  const before = metaOf(original);
  const after = metaOf(converted);
  for (const [what, a, b] of [
    ["kind", original.kind, converted.kind],
    ["name", before.name, after.name],
    ["namespace", before.namespace, after.namespace],
    ["UID", before.uid, after.uid],
  ] as const)
    if (textOf(a) !== textOf(b)) return `must have the same ${what}: ${textOf(a)} != ${textOf(b)}`;
  return undefined;
}

const aggregate = (errors: readonly FieldError[]): string => {
  const texts = errors.map(({ field, body }) => `${field}: ${body}`);
  return texts.length === 1 ? (texts[0] as string) : `[${[...new Set(texts)].join(", ")}]`;
};

/** Everything of `original`'s metadata but labels and annotations comes back; changes `converted`. What is wrong, or undefined. */
export function restoreMetadata(original: JSONObject, converted: JSONObject): string | undefined {
  if (!Object.hasOwn(converted, "metadata")) return "missing metadata in converted object";
  const answered = converted.metadata as JSONValue;
  if (!isMap(answered)) return `invalid metadata of type ${goType(answered)} in converted object`;
  const metadata: JSONObject = structuredClone(metaOf(original));
  converted.metadata = metadata;
  for (const name of ["labels", "annotations"] as const) {
    const given = answered[name];
    if (given === undefined || given === null) {
      delete metadata[name];
      continue;
    }
    if (!isMap(given)) return `invalid metadata.${name} of type ${goType(given)} in converted object`;
    const had = isMap(metadata[name]) ? metadata[name] : {};
    let changed = Object.keys(had).length !== Object.keys(given).length;
    for (const [key, value] of Object.entries(given)) {
      if (typeof value !== "string") return `metadata.${name}[${key}] must be a string, but is ${goType(value)} in converted object`;
      if (had[key] !== value) changed = true;
    }
    const strings = given as Record<string, string>;
    const errors = !changed
      ? []
      : name === "labels"
        ? validateLabels(strings, path("metadata", "labels"))
        : validateAnnotations(strings, path("metadata", "annotation"));
    if (errors.length) return aggregate(errors);
    metadata[name] = given;
  }
  return undefined;
}
