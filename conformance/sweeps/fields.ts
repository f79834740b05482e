/** Odd values for every field of every kind, one at a time, in an otherwise good object. */
import { hasType, typeByName } from "../../src/api/schema/schema.ts";
import { collectionOf, objectOf, type Template, templates } from "../differential/episodes.ts";
import type { Request } from "../differential/exchange.ts";
import { patchHeaders } from "../differential/headers.ts";
import { type Probe, post, type Row, type Sweep } from "./sweep.ts";

export const ways = ["create", "merge", "strategic", "apply", "status"] as const;
export type Way = (typeof ways)[number];

/** JSON as it stands: numbers that JavaScript would write otherwise. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
const raw = (text: string): Raw => new Raw(text);
function written(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key)}:${written(item)}`)
    .join(",")}}`;
}

const oddScalars: Readonly<Record<string, readonly unknown[]>> = {
  string: ["", "x", "A_b", "a/b", "é ", "-1", "1.2.3.4", "a".repeat(300), "a.b/c", 5],
  bool: [true, false, "x"],
  int32: [0, -1, 1, 70_000, 2_147_483_647, raw("2147483648"), raw("1.0"), "5"],
  int64: [0, -1, 1, raw("9223372036854775807"), raw("9223372036854775808"), raw("1.5"), "5"],
  float64: [0, -1, raw("1e400"), "x"],
  bytes: ["", "AQI=", "%", 5],
  Time: ["", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5+02:00", "x", 5],
  MicroTime: ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05Z", "x"],
  Duration: ["1h", "1", "-1s", 5],
  Quantity: ["1", "-1", "1e30", "x", raw("1.50"), "", "100u", true],
  IntOrString: [0, -1, "x", "50%", "", raw("1.5"), 70_000, "http"],
  RawExtension: [{}, [], "x", 5, { kind: "A" }],
  FieldsV1: [{}, "x"],
  JSON: [{}, [], "x", 1],
};

function oddValues(type: string): readonly unknown[] {
  const bare = type.replace(/^\*/, "");
  if (bare.startsWith("[]")) return [[], [null], null, {}, "x", bare === "[]string" ? ["", "a", "a", "A/b/c é"] : [{}]];
  if (bare.startsWith("map[string]")) return [{}, { "": "" }, { a: "b" }, { "A/b/c": "é" }, { a: null }, [], "x", null];
  const scalar = oddScalars[bare];
  return scalar ? [null, ...scalar, ["x"]] : [{}, null, [], "x", { nope: 1 }];
}

type Path = readonly (string | number)[];
type Tree = Record<string | number, unknown> | undefined;
const below = (tree: unknown, step: string | number): unknown =>
  typeof tree === "object" && tree !== null ? (tree as Record<string, unknown>)[step] : undefined;

/** Every field with its type: all that the object has, two levels beyond, and no type within itself. */
function* fieldsOf(
  type: string,
  wanted: (name: string) => boolean,
  object: unknown,
  at: Path = [],
  depth = 7,
  within: readonly string[] = [],
): Generator<[Path, string]> {
  for (const field of typeByName(type).flat) {
    if (field.name === "managedFields" || (at.length === 0 && !wanted(field.name))) continue;
    let path: Path = [...at, field.name];
    yield [path, field.type];
    let inner = field.type.replace(/^\*/, "");
    let value = below(object, field.name);
    const list = inner.startsWith("[]");
    if (list || inner.startsWith("map[string]")) {
      const step = list ? 0 : (Object.keys((value as object | undefined) ?? {})[0] ?? "a");
      inner = inner.slice(list ? 2 : 11);
      path = [...path, step];
      value = below(value, step);
      if (oddScalars[inner]) yield [path, inner];
    }
    if (!hasType(inner) || depth <= 0 || within.includes(inner)) continue;
    yield* fieldsOf(inner, wanted, value, path, value === undefined ? Math.min(depth - 1, 1) : depth - 1, [...within, inner]);
  }
}

function put(object: object, path: Path, value: unknown): void {
  let at = object as NonNullable<Tree>;
  for (const [i, step] of path.slice(0, -1).entries()) {
    at[step] ??= typeof path[i + 1] === "number" ? [] : {};
    at = at[step] as NonNullable<Tree>;
  }
  at[path.at(-1) as string] = value;
}

function requestOf(way: Way, collection: string, object: Record<string, unknown>, path: Path, value: unknown): Request {
  const [root = ""] = path as [string];
  const whole = way === "create" || way === "apply";
  const body: Record<string, unknown> = structuredClone(whole ? object : root in object ? { [root]: object[root] } : {});
  put(body, path, value);
  if (way === "create") return { ...post(`${collection}?dryRun=All`, undefined), body: written(body) };
  const { name } = object.metadata as { name: string };
  const place = `${collection}/${name}${way === "status" ? "/status" : ""}?dryRun=All${way === "apply" ? "&fieldManager=sweep" : ""}`;
  return { method: "PATCH", path: place, headers: patchHeaders[way === "status" ? "merge" : way], body: written(body) };
}

function rowOf(way: Way, template: Template, i: number, csr: string): Row {
  const { def, type } = template;
  const object = objectOf(template, `k${i}x`, csr);
  const collection = collectionOf(def);
  const wanted = (name: string): boolean => (way === "status" ? name === "status" : !["kind", "apiVersion", "status"].includes(name));
  function* probes(): Generator<Probe> {
    for (const [path, of] of fieldsOf(type, wanted, object))
      for (const value of oddValues(of)) {
        // An empty one is never shown, and counts as a change of generation upstream.
        if (path.at(-1) === "caBundle" && value === "") continue;
        yield { title: `${path.join(".")} = ${written(value).slice(0, 80)}`, request: requestOf(way, collection, object, path, value) };
      }
  }
  return {
    name: `${def.kind} ${i}`,
    probes: probes(),
    async begin(both) {
      if (way !== "create") await both(post(collection, object));
    },
  };
}

export const fields = (way: Way): Sweep => ({
  *rows({ csr }) {
    for (const [i, template] of templates().entries()) {
      const { def, object } = template;
      if (way === "status" && !def.subresources?.some(({ name }) => name === "status")) continue;
      if (way === "create" || (object.metadata as { name?: string } | undefined)?.name !== undefined) yield rowOf(way, template, i, csr);
    }
  },
});
