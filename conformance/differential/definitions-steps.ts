/** Requests for objects of one random definition. */
import { dump, YAMLException } from "js-yaml";
import type { Random } from "../../src/base/random.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { type Definition, rootOf, type Version } from "./definitions-made.ts";
import { moreStep } from "./definitions-more-steps.ts";
import { propertiesOf, type Schema } from "./definitions-schema.ts";
import { oddValue, exampleOf } from "./definitions-values.ts";
import type { Request } from "./exchange.ts";
import { forms, partials, patchHeaders, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

export interface Step extends Request {
  verb: string;
  /** The object's name; its last state is remembered for each side. */
  name: string;
  /** Made for each side from what it last answered with. */
  from?(last: JSONObject): unknown;
}
export interface World {
  random: Random;
  definition: Definition;
  n: number;
  reseeded(seed: number): Random;
  /** Nothing can be converted: how upstream's cache fares then is chance, so that nothing is listed. */
  broken: boolean;
}

const served = ({ spec }: Definition): Version[] => spec.versions.filter((one) => one.served);
export function collectionOf({ spec }: Definition, version: string): string {
  return `/apis/${spec.group}/${version}${spec.scope === "Cluster" ? "" : "/namespaces/default"}/${spec.names.plural}`;
}

function body(world: World, version: Version, name: string, odd: number, random = world.random): JSONObject {
  const { spec } = world.definition;
  const root = rootOf(version);
  const made: Record<string, unknown> = {
    apiVersion: `${spec.group}/${version.name}`,
    kind: spec.names.kind,
    metadata: { name, labels: { ep: `e${world.n}` } },
  };
  for (const [key, schema] of Object.entries(propertiesOf(root))) {
    if (key === "metadata" || key === "apiVersion" || key === "kind") continue;
    if (chance(random, key === "spec" ? 0.97 : 0.5)) made[key] = exampleOf(random, schema, odd, 5);
  }
  if (chance(random, odd / 2)) made[pick(random, ["unknown", "Spec", "data", "__proto__", "items"])] = oddValue(random);
  return made as JSONObject;
}

/** Names that JavaScript objects have of themselves cannot be dumped: JSON is YAML as well. */
function yaml(object: JSONObject): string {
  try {
    return dump(object);
  } catch (error) {
    if (error instanceof YAMLException) return JSON.stringify(object);
    throw error;
  }
}

const odds = [0, 0, 0.02, 0.06, 0.2];

function query(random: Random, verb: "create" | "update" | "patch" | "apply"): string {
  const parts: string[] = [];
  if (chance(random, 0.08)) parts.push("dryRun=All");
  if (chance(random, 0.35)) parts.push(`fieldValidation=${pick(random, ["Strict", "Warn", "Ignore", "Strict"])}`);
  if (verb === "apply" || chance(random, 0.2)) parts.push(`fieldManager=${pick(random, ["m1", "m2", "m3"])}`);
  if (verb === "apply" && chance(random, 0.35)) parts.push("force=true");
  return parts.length ? `?${parts.join("&")}` : "";
}

function encoded(random: Random, object: JSONObject): Pick<Request, "body" | "headers"> {
  const roll = random.next();
  if (roll < 0.07) return { body: yaml(object), headers: { "content-type": "application/yaml" } };
  const text = JSON.stringify(object);
  if (roll < 0.1) return { body: text.replace(/"spec":\{/, '"spec":{"a":"b","a":1,'), headers: { "content-type": "application/json" } };
  if (roll < 0.11) return { body: `{"kind":"Thing",${text.slice(1)}` };
  if (roll < 0.12) return { body: yaml(object).replace(/^spec:\n/m, "spec:\n  a: b\n  a: 1\n"), headers: { "content-type": "application/yaml" } };
  if (roll < 0.125) return { body: pick(random, ["", "null", "[]", "{}", text.slice(0, -1), `${text}x`]) };
  return { body: object };
}

function oddMetadata(random: Random, object: JSONObject): void {
  object.metadata ??= {};
  const metadata = object.metadata as JSONObject;
  const changes: (() => void)[] = [
    () => Object.assign(metadata, { extra: 1 }),
    () => Object.assign(metadata, { labels: { "a b": "c", ep: 5 } }),
    () => Object.assign(metadata, { annotations: { a: "b" }, generation: 7, uid: "x", creationTimestamp: "2026-01-02T03:04:05Z" }),
    () => Object.assign(metadata, { finalizers: [pick(random, ["example.com/f", "bad", "a/b/c"])] }),
    () => Object.assign(metadata, { namespace: pick(random, ["default", "other", ""]) }),
    () => Object.assign(metadata, { name: pick<string | number>(random, ["UPPER", "a b", "x".repeat(254), "", 5]) }),
    () => Object.assign(metadata, { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" }] }),
    () => Object.assign(metadata, { managedFields: [] }),
    () => Object.assign(object, { kind: pick(random, ["", "Other"]) }),
    () => Object.assign(object, { apiVersion: pick(random, ["", "v1", "nope/v9"]) }),
    () => Object.assign(object, { metadata: pick<unknown>(random, [null, 5, {}]) }),
  ];
  pick(random, changes)();
}

/** One place below spec or status, with a new value. */
function editIn(random: Random, root: Schema, object: JSONObject, odd: number): (string | number)[] {
  const path: (string | number)[] = [];
  let schema = root;
  let at: unknown = object;
  for (let depth = 0; depth < 6; depth++) {
    if (typeof at !== "object" || at === null) break;
    if (Array.isArray(at)) {
      const i = random.int(at.length + 1);
      path.push(i);
      const items = (schema.items as Schema | undefined) ?? {};
      if (i < at.length && chance(random, 0.5)) {
        schema = items;
        at = at[i];
        continue;
      }
      at.splice(i, 1, exampleOf(random, items, odd, 3));
      return path;
    }
    const map = at as Record<string, unknown>;
    const properties = propertiesOf(schema);
    const names = [...new Set([...Object.keys(properties), ...Object.keys(map), ...(schema.additionalProperties ? ["a", "b"] : [])])].filter(
      (key) => depth > 0 || !["metadata", "kind", "apiVersion"].includes(key),
    );
    if (!names.length) break;
    const name = pick(random, chance(random, 0.03) ? ["unknown"] : names);
    path.push(name);
    const values = schema.additionalProperties;
    const inner: Schema = (Object.hasOwn(properties, name) ? properties[name] : typeof values === "object" ? (values as Schema) : undefined) ?? {};
    const own = Object.hasOwn(map, name) ? map[name] : undefined;
    if (typeof own === "object" && own !== null && chance(random, depth === 0 ? 0.9 : 0.6)) {
      schema = inner;
      at = own;
      continue;
    }
    if (own !== undefined && chance(random, 0.2)) delete map[name];
    else Object.defineProperty(map, name, { value: exampleOf(random, inner, odd, 3), enumerable: true, configurable: true, writable: true });
    return path;
  }
  return path;
}
const at = (object: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined),
    object,
  );
const pointer = (path: readonly (string | number)[]): string => `/${path.map((key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;

function around(path: readonly (string | number)[], object: JSONObject): JSONObject {
  const until = path.findIndex((key) => typeof key === "number");
  const kept = until < 0 ? path : path.slice(0, until);
  const value = at(object, kept);
  return kept.toReversed().reduce<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value === undefined ? null : value) as JSONObject;
}

function patch(world: World, version: Version, name: string, path: string): Step {
  const { random } = world;
  const root = rootOf(version);
  const kind = pick(random, ["merge", "merge", "json", "json", "apply", "apply", "apply", "apply", chance(random, 0.1) ? "strategic" : "merge"] as const);
  const sub = path.endsWith("/status") ? "status." : "";
  const base = {
    verb: `${sub}patch.${kind}`,
    name,
    method: "PATCH" as const,
    path: path + query(random, kind === "apply" ? "apply" : "patch"),
    headers: patchHeaders[kind],
  };
  const odd = pick(random, odds);
  if (kind === "apply") {
    const object = body(world, version, name, odd);
    const spec = object.spec as JSONObject | null | undefined;
    if (spec && typeof spec === "object" && !Array.isArray(spec)) for (const key of Object.keys(spec)) if (chance(random, 0.4)) delete spec[key];
    return { ...base, body: chance(random, 0.2) ? yaml(object) : object };
  }
  const seed = random.int(2 ** 31);
  return {
    ...base,
    from: (last) => {
      const own = world.reseeded(seed);
      const object = structuredClone(last);
      const edited = editIn(own, root, object, odd);
      const value = at(object, edited);
      if (kind !== "json") return around(edited, object);
      if (chance(own, 0.1))
        return [{ op: pick(own, ["test", "replace", "move", "copy", "remove"]), path: pointer(edited), value: value ?? null, from: "/spec" }];
      return [value === undefined ? { op: "remove", path: pointer(edited) } : { op: "add", path: pointer(edited), value }];
    },
  };
}

function put(world: World, version: Version, name: string, path: string): Step {
  const { random } = world;
  const verb = path.endsWith("/status") ? "status.update" : "update";
  const odd = pick(random, odds);
  const base = { verb, name, method: "PUT" as const, path: path + query(random, "update") };
  if (chance(random, 0.3)) {
    const object = body(world, version, name, odd);
    if (chance(random, 0.9)) (object.metadata as JSONObject).resourceVersion = "{rv}";
    if (chance(random, 0.05)) oddMetadata(random, object);
    return { ...base, ...encoded(random, object) };
  }
  const seed = random.int(2 ** 31);
  return {
    ...base,
    from: (last) => {
      const own = world.reseeded(seed);
      const object = structuredClone(last);
      const { spec } = world.definition;
      object.apiVersion = `${spec.group}/${version.name}`;
      for (let i = 1 + own.int(2); i > 0; i--) editIn(own, rootOf(version), object, odd);
      if (chance(own, 0.05)) oddMetadata(own, object);
      return object;
    },
  };
}

function scale(world: World, name: string, path: string): Step {
  const { random } = world;
  const place = `${path}/scale`;
  const object = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name, ...(world.definition.spec.scope === "Cluster" ? {} : { namespace: "default" }) },
    spec: { replicas: pick(random, [0, 1, 3, -1]) },
  };
  return pick<() => Step>(random, [
    () => ({ verb: "scale.get", name, method: "GET", path: place }),
    () => ({ verb: "scale.update", name, method: "PUT", path: place, body: chance(random, 0.1) ? { ...object, kind: "Other" } : object }),
    () => ({
      verb: "scale.merge",
      name,
      method: "PATCH",
      path: place,
      headers: patchHeaders.merge,
      body: { spec: { replicas: pick<unknown>(random, [2, 5, -1, "x", null]) } },
    }),
    () => ({
      verb: "scale.apply",
      name,
      method: "PATCH",
      path: `${place}?fieldManager=sc${chance(random, 0.5) ? "&force=true" : ""}`,
      headers: patchHeaders.apply,
      body: object,
    }),
    () => ({
      verb: "scale.json",
      name,
      method: "PATCH",
      path: place,
      headers: patchHeaders.json,
      body: [{ op: "replace", path: "/spec/replicas", value: random.int(4) }],
    }),
  ])();
}

function read(world: World, version: Version, name: string, path: string): Step {
  const { random, definition } = world;
  const collection = collectionOf(definition, version.name);
  const label = `labelSelector=ep%3De${world.n}`;
  const fields = (version.selectableFields as { jsonPath: string }[] | undefined) ?? [];
  const list = (more: string, headers?: Record<string, string>): Step => ({
    verb: "list",
    name,
    method: "GET",
    path: `${collection}?${label}${more}`,
    ...(headers ? { headers } : {}),
  });
  return pick<() => Step>(random, [
    () => ({ verb: "get", name, method: "GET", path, ...(chance(random, 0.6) ? { headers: pick(random, forms) } : {}) }),
    () => list("", tables),
    () => list("", tables),
    () => list(chance(random, 0.3) ? "&includeObject=Object" : "", pick(random, [tables, partials])),
    () => list(""),
    () => list("&limit=1"),
    () => list("", { accept: "application/yaml" }),
    () => {
      const field =
        fields.length && chance(random, 0.9) ? pick(random, fields).jsonPath.slice(1) : pick(random, ["spec.a", "metadata.name", "metadata.namespace", "spec"]);
      return list(`&fieldSelector=${encodeURIComponent(`${field}${pick(random, ["=", "!=", "=="])}${pick(random, ["a", "1", "", "true", "abc", name])}`)}`);
    },
    () => ({
      verb: "watch",
      name,
      method: "GET",
      path: `${collection}?watch=true&${label}&resourceVersion={first}&timeoutSeconds=5`,
      quiet: 250,
      ...(chance(random, 0.3) ? { headers: tables } : {}),
    }),
  ])();
}

/** `known`: the object exists on both sides. */
export function nextStep(world: World, name: string, known: boolean): Step {
  for (;;) {
    const step = anyStep(world, name, known);
    if (!world.broken || (!["list", "watch", "deletecollection"].includes(step.verb) && !step.path.includes("resourceVersion="))) return step;
  }
}
function anyStep(world: World, name: string, known: boolean): Step {
  const { random, definition } = world;
  const version = pick(random, served(definition));
  const collection = collectionOf(definition, version.name);
  const path = `${collection}/${name}`;
  if (known && chance(random, 0.14)) return moreStep(world, version, name, collection);
  const roll = random.next();
  if (known ? roll < 0.06 : roll < 0.55) {
    const object = body(world, version, name, pick(random, odds));
    if (chance(random, 0.07)) oddMetadata(random, object);
    return { verb: "create", name, method: "POST", path: collection + query(random, "create"), ...encoded(random, object) };
  }
  if (roll < 0.62) return chance(random, 0.4) ? put(world, version, name, path) : patch(world, version, name, path);
  if (roll < 0.74) return chance(random, 0.5) ? put(world, version, name, `${path}/status`) : patch(world, version, name, `${path}/status`);
  if (roll < 0.8) return scale(world, name, path);
  if (roll < 0.95) return read(world, version, name, path);
  if (roll < 0.975) return { verb: "delete", name, method: "DELETE", path: `${path}${chance(random, 0.3) ? "?propagationPolicy=Foreground" : ""}` };
  if (roll < 0.985) return { verb: "deletecollection", name, method: "DELETE", path: `${collection}?labelSelector=ep%3De${world.n}` };
  return chance(random, 0.5)
    ? { verb: "get.other", name, method: "GET", path: path.replace(`/${version.name}/`, "/v9/") }
    : { verb: "get.sub", name, method: "GET", path: `${path}/${pick(random, ["status", "scale", "nope"])}` };
}
