/** Seeded changes to an object: fields taken away, replaced, repeated, added from the schema; friendly and hostile values. */
import type { Random } from "../../src/base/random.ts";
import { type Field, hasType, typeByName } from "../../src/api/schema/schema.ts";
import { oddValue } from "./odd-values.ts";
import { valuesByName } from "./values.ts";

export type Path = (string | number)[];
/** `value` undefined takes the path away. */
export interface Edit {
  path: Path;
  value: unknown;
}
export interface Node {
  path: Path;
  type: string;
  field?: Field;
  value: unknown;
}

export const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T;
export const chance = (random: Random, p: number): boolean => random.next() < p;

const strings = [
  "",
  "a",
  "b",
  "UPPER",
  "a b",
  "a/b",
  "a/b/c",
  "x".repeat(254),
  "-x",
  "x.",
  "<&>",
  "é",
  "1",
  "-1",
  "a.example.com",
  "/abs",
  "../up",
  "10.1.2.3",
  "fd00::1",
  "10.0.0.0/8",
  "true",
  "None",
  "*",
  "k8s.io/x",
  "a_b",
  "example.com/a",
];
const quantities = ["0", "-1", "1", "1Ki", "1500m", "1e3", "0.1m", "1.5Gi", "1x", "", "9999999999999999999", "100u", "+2", "1.50"];
const int32s = [0, 1, -1, 2, 3, 65535, 65536, 2147483647, 100, 30, 443];
const misfits: unknown[] = [null, "text", 7, 1.5, true, [], {}, ["a"], { a: "b" }, 1e12, -3];

/** A value for a type: mostly one that fits. */
export function valueFor(random: Random, type: string, field: Field | undefined, depth: number, name = field?.name): unknown {
  if (chance(random, 0.03)) return pick(random, misfits);
  if (field?.enum && !type.startsWith("[]") && !type.startsWith("map")) return chance(random, 0.85) ? pick(random, field.enum) : pick(random, strings);
  if (type.startsWith("*")) return valueFor(random, type.slice(1), field, depth, name);
  if (type.startsWith("[]")) {
    if (depth <= 0) return [];
    return Array.from({ length: random.int(3) }, () => valueFor(random, type.slice(2), undefined, depth - 1, name));
  }
  const known = name === undefined || type.startsWith("map") || hasType(type) ? undefined : valuesByName[name];
  // An empty one is not shown, yet upstream's store tells it from none: generations then differ by what nobody can see.
  if (known && (name === "caBundle" || chance(random, 0.7))) return pick(random, known);
  if (type.startsWith("map[string]")) {
    const count = random.int(3);
    return Object.fromEntries(Array.from({ length: count }, () => [pick(random, mapKeys(field)), valueFor(random, type.slice(11), undefined, depth - 1)]));
  }
  const odd = chance(random, 0.06) ? oddValue(random, type) : undefined;
  if (odd !== undefined) return odd;
  switch (type) {
    case "string":
      return pick(random, strings);
    case "bool":
      return chance(random, 0.5);
    case "int32":
    case "int64":
      return pick(random, int32s);
    case "float64":
      return pick(random, [0, 1.5, -2]);
    case "bytes":
      return pick(random, ["AQI=", "", "!!", "YQ=="]);
    case "Time":
      return pick(random, ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "nonsense", null]);
    case "MicroTime":
      return pick(random, ["2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05Z", "nonsense"]);
    case "Duration":
      return pick(random, ["1s", "5m0s", "-1s", "x"]);
    case "Quantity":
      return pick(random, quantities);
    case "IntOrString":
      return pick(random, [0, 1, -1, 80, 70000, "http", "25%", "-5%", "101%", "x y", ""]);
    case "RawExtension":
    case "JSON":
      return pick(random, [{}, { a: 1 }, { apiVersion: "v1", kind: "X" }, null, "text"]);
    case "FieldsV1":
      return {};
  }
  if (!hasType(type) || depth <= 0) return {};
  const made: Record<string, unknown> = {};
  const density = pick(random, [0.1, 0.25, 0.25, 0.5]);
  for (const one of typeByName(type).flat) {
    if (one.required ? chance(random, 0.9) : chance(random, density)) made[one.name] = valueFor(random, one.type, one, depth - 1);
  }
  return made;
}

const mapKeys = (field: Field | undefined): readonly string[] =>
  field?.go?.includes("ResourceName") || field?.name === "requests" || field?.name === "limits"
    ? ["cpu", "memory", "storage", "example.com/gpu", "hugepages-2Mi", "bad name", "ephemeral-storage"]
    : ["a", "b", "example.com/a", "Bad Key", "", "UPPER", "kubernetes.io/x"];

/** Every value of an object that the schema knows, with its type. */
export function nodes(value: unknown, type: string, field: Field | undefined, path: Path, into: Node[]): void {
  if (type.startsWith("*")) {
    nodes(value, type.slice(1), field, path, into);
    return;
  }
  into.push({ path, type, value, ...(field ? { field } : {}) });
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    if (type.startsWith("[]")) for (const [i, item] of value.entries()) nodes(item, type.slice(2), undefined, [...path, i], into);
    return;
  }
  if (type.startsWith("map[string]")) {
    for (const key of Object.keys(value).sort()) nodes((value as Record<string, unknown>)[key], type.slice(11), undefined, [...path, key], into);
    return;
  }
  if (!hasType(type)) return;
  const def = typeByName(type);
  for (const key of Object.keys(value).sort()) {
    const one = def.byName.get(key);
    if (one) nodes((value as Record<string, unknown>)[key], one.type, one, [...path, key], into);
  }
}

/** Never changed: what the run itself finds its objects by. */
const kept = (path: Path): boolean =>
  path.length === 0 ||
  path[0] === "kind" ||
  path[0] === "apiVersion" ||
  (path[0] === "metadata" &&
    (path.length === 1 ||
      [
        "name",
        "namespace",
        "generateName",
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
      ].includes(String(path[1]))));

/** Some fields of a struct at once: rules that look at more than one. */
function several(random: Random, { path, type, value }: Node): Edit {
  const made: Record<string, unknown> = { ...(value as object) };
  const { flat } = typeByName(type);
  for (let i = 2 + random.int(3); i > 0 && flat.length; i--) {
    const field = pick(random, flat);
    if (chance(random, 0.2)) delete made[field.name];
    else made[field.name] = valueFor(random, field.type, field, 2);
  }
  return { path, value: made };
}

/** `only`: edits stay below this field. */
export function edit(random: Random, object: unknown, type: string, only?: string): Edit {
  const all: Node[] = [];
  nodes(object, type, undefined, [], all);
  const inside = all.filter((node) => (only === undefined || node.path[0] === only) && !(node.path[0] === "metadata" && chance(random, 0.8)));
  const structs = inside.filter(
    (node) => hasType(node.type) && (node.path[0] !== "metadata" || node.path.length === 1) && typeof node.value === "object" && node.value !== null,
  );
  const changeable = inside.filter((node) => !kept(node.path));
  const inner = structs.filter((node) => node.path.length && node.path[0] !== "metadata");
  if (inner.length && chance(random, 0.08)) return several(random, pick(random, inner));
  const way = random.next();
  if (structs.length && (way < 0.4 || !changeable.length)) {
    const node = pick(random, structs);
    const fields = typeByName(node.type).flat.filter(
      (one) => !(one.name in (node.value as object)) && !kept([...node.path, one.name]) && (only === undefined || node.path.length || one.name === only),
    );
    if (fields.length && way < 0.37) {
      const field = pick(random, fields);
      return { path: [...node.path, field.name], value: valueFor(random, field.type, field, 3) };
    }
    return { path: [...node.path, pick(random, ["unknownField", "Unknown", "spec2"])], value: pick(random, misfits) };
  }
  if (!changeable.length) return { path: ["unknownField"], value: 1 };
  const node = pick(random, changeable);
  if (way < 0.52) return { path: node.path, value: undefined };
  if (way < 0.6 && Array.isArray(node.value) && node.value.length) return { path: node.path, value: [...node.value, structuredClone(node.value[0])] };
  if (way < 0.66) return { path: node.path, value: pick(random, misfits) };
  return { path: node.path, value: valueFor(random, node.type, node.field, 3) };
}

/** Changes `object` in place; a path that it does not have is left alone. */
export function apply(object: unknown, { path, value }: Edit): void {
  let at = object as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) {
    const next = at[step];
    if (typeof next !== "object" || next === null) return;
    at = next as Record<string | number, unknown>;
  }
  const last = path.at(-1) as string | number;
  if (value !== undefined) at[last] = structuredClone(value);
  else if (Array.isArray(at)) at.splice(last as number, 1);
  else delete at[last];
}
