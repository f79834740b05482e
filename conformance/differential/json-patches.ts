/** JSON patches (RFC 6902) at the edges: every operation, on ways that are there, that are not, and that are not well formed. */
import type { Random } from "../../src/base/random.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { chance, edit, type Node, nodes, type Path, pick } from "./mutate.ts";

const pointer = (path: Path): string => path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const odd = [
  "",
  "/",
  "spec",
  "/spec/",
  "/metadata/labels/a~1b",
  "/metadata/labels/~",
  "/metadata/labels/a~2b",
  "//",
  "/spec/nope/deeper",
  "/-",
  "/metadata/name",
];

/** Ends of lists: behind the last, before the first, no number at all. */
function inList(random: Random, { path, value }: Node): string {
  const length = (value as unknown[]).length;
  return `${pointer(path)}/${pick(random, ["-", String(length), String(length + 1), "-1", "00", "0", "a", "1e0", "", "99999999999999999999", String(-length)])}`;
}

function operation(random: Random, object: JSONObject, type: string, all: readonly Node[]): JSONObject {
  const lists = all.filter(({ value }) => Array.isArray(value));
  const node = pick(random, all);
  const other = pick(random, all);
  const place = (): string => {
    const list = lists.length && chance(random, 0.35) ? pick(random, lists) : undefined;
    return list ? inList(random, list) : chance(random, 0.08) ? pick(random, odd) : pointer(node.path);
  };
  const op = pick(random, ["add", "add", "replace", "remove", "move", "copy", "test", "test"]);
  if (op === "remove") return { op, path: place() };
  if (op === "move" || op === "copy") {
    const path = chance(random, 0.4) ? `${pointer(node.path)}/${pick(random, ["x", "0", "-"])}` : place();
    return { op, from: chance(random, 0.9) ? pointer(other.path) : pick(random, odd), path };
  }
  if (op === "test") {
    const value = chance(random, 0.6) ? (node.value as JSONValue) : pick<JSONValue>(random, [null, "", 0, {}, [], "x"]);
    return { op, path: chance(random, 0.85) ? pointer(node.path) : place(), value };
  }
  const { path, value } = edit(random, object, type);
  return chance(random, 0.5)
    ? { op, path: pointer(path), value: (value ?? null) as JSONValue }
    : { op, path: place(), value: (other.value ?? null) as JSONValue };
}

/** In metadata, and in no other server's. */
const unshared = new Set(["managedFields", "resourceVersion", "uid", "creationTimestamp", "deletionTimestamp"]);
/** Each server draws its own. */
const drawn = new Set(["nodePort", "healthCheckNodePort"]);

const broken: readonly JSONValue[] = [
  [{}],
  [{ op: "add" }],
  [{ op: "add", path: "/metadata/labels" }],
  [{ op: "replace", path: "/metadata/labels/ep" }],
  [{ op: "move", path: "/metadata/labels/x" }],
  [{ op: "copy", path: "/metadata/labels/x", from: 1 }],
  [{ op: "nope", path: "/a" }],
  [{ op: "test", path: "/metadata/labels/none", value: null }],
  [{ op: 1, path: "/a" }],
  [{ op: "add", path: 1, value: 1 }],
  [{ path: "/metadata/labels/a", value: "b" }],
  [null],
  ["x"],
  [[]],
  { op: "add", path: "/metadata/labels/a", value: "b" },
  [{ op: "add", path: "", value: {} }],
  [{ op: "replace", path: "", value: null }],
  [{ op: "remove", path: "" }],
  [{ op: "test", path: "", value: {} }],
  [{ op: "copy", from: "", path: "/metadata/annotations" }],
  [{ op: "add", path: "/metadata/labels/a", value: "b", from: "/x", unknown: 1 }],
  [{ op: "ADD", path: "/metadata/labels/a", value: "b" }],
  [{ Op: "add", Path: "/metadata/labels/a", Value: "b" }],
  Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "x" })),
  Array.from({ length: 10_000 }, () => ({ op: "test", path: "/metadata/name", value: "x" })),
];

export function jsonPatch(random: Random, object: JSONObject, type: string): JSONValue {
  if (chance(random, 0.08)) return pick(random, broken);
  const all: Node[] = [];
  nodes(object, type, undefined, [], all);
  const within = all.filter(
    ({ path }) => path.length > 0 && path[0] !== "kind" && path[0] !== "apiVersion" && !unshared.has(String(path[1])) && !drawn.has(String(path.at(-1))),
  );
  if (!within.length) return pick(random, broken);
  return Array.from({ length: 1 + random.int(3) }, () => operation(random, object, type, within));
}
