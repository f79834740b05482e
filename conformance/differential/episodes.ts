/** An episode: one object's life as a seeded sequence of requests, friendly and hostile, on every path its kind has. */
import { readFileSync } from "node:fs";
import { dump, loadAll } from "js-yaml";
import type { Random } from "../../src/base/random.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { type ResourceDef, resources, typeOfKind } from "../../src/api/schema/schema.ts";
import { directives } from "./directives.ts";
import { dressed } from "./dress.ts";
import { jsonPatch } from "./json-patches.ts";
import { forms, partials, patchHeaders, protobuf, tables } from "./headers.ts";
import { contentTypes, inProtobuf } from "./encodings.ts";
import { selectableNames } from "./selectable.ts";
import { apply, chance, type Edit, edit, pick } from "./mutate.ts";
import { astray } from "./astray.ts";
import { subresourceStep } from "./subresources.ts";
import type { Request } from "./exchange.ts";
import { pages, watchStep } from "./watches.ts";
import { managedFields } from "./managed-fields.ts";
import { respelled, respelledJSON, respelledYAML } from "./texts.ts";
import { elsewhere } from "./ways.ts";
import { accessSpec, bySomebody, tokens } from "./who.ts";

export interface GenStep extends Request {
  /** What is being tried, for the report: `create`, `patch.merge`, `status.update`. */
  verb: string;
  /** Made for each side from the object that it last answered with. */
  from?(last: JSONObject): unknown;
  hide?: readonly string[];
  /** Its answer is not the episode's object. */
  aside?: boolean;
  /** Milliseconds until the next step. */
  pause?: number;
}
export interface Template {
  object: JSONObject;
  def: ResourceDef;
  type: string;
}

const request = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIRE1Hc0NBUUF3Q1RFSE1BVUdBMVVFQXd3QQ==";

export function templates(): Template[] {
  const objects = ["./templates.yaml", "./templates-more.yaml"].flatMap((file) => loadAll(readFileSync(new URL(file, import.meta.url), "utf8")));
  return (objects as JSONObject[]).map(templateOf);
}

export function templateOf(object: JSONObject): Template {
  const [group, version] = String(object.apiVersion).includes("/")
    ? (String(object.apiVersion).split("/") as [string, string])
    : ["", String(object.apiVersion)];
  const def = resources.find((one) => one.group === group && one.version === version && one.kind === object.kind);
  const type = typeOfKind(String(object.apiVersion), String(object.kind));
  if (!def || !type) throw new Error(`no resource serves ${object.apiVersion} ${object.kind}`);
  return { object, def, type: type.name };
}

export interface Target extends Template {
  random: Random;
  /** Several managers apply parts of the object most of the time. */
  applies: boolean;
  name: string;
  collection: string;
  path: string;
  body(): JSONObject;
  /** Steps that belong together and come next. */
  queue: GenStep[];
}

export const collectionOf = ({ group, version, namespaced, resource }: ResourceDef): string =>
  `${group ? `/apis/${group}` : "/api"}/${version}${namespaced ? "/namespaces/default" : ""}/${resource}`;

/** `csr`: a certificate signing request, base64 of PEM. */
export const objectOf = (template: Template, name: string, csr: string): JSONObject =>
  JSON.parse(JSON.stringify(template.object).replaceAll("NAME", name).replaceAll('"CSR"', JSON.stringify(csr))) as JSONObject;

export function targetOf(random: Random, template: Template, n: number, csr = request): Target {
  const name = `e${n}x`;
  const { def } = template;
  const collection = collectionOf(def);
  const body = (): JSONObject => {
    const object = objectOf(template, name, csr);
    const metadata = { ...(object.metadata as JSONObject | undefined) };
    metadata.labels = { ...(metadata.labels as JSONObject | undefined), ep: name };
    object.metadata = metadata;
    return object;
  };
  const known = String((body().metadata as JSONObject).name ?? "");
  return { ...template, random, applies: chance(random, 0.25), name: known, collection, path: `${collection}/${known}`, body, queue: [] };
}

export function edits(t: Target, object: JSONObject, p: readonly number[], only?: string): Edit[] {
  const roll = t.random.next();
  const count = roll < (p[0] as number) ? 0 : roll < (p[1] as number) ? 1 : 2 + t.random.int(2);
  const made: Edit[] = [];
  for (let i = 0; i < count; i++) {
    const one = edit(t.random, object, t.type, only);
    apply(object, one);
    made.push(one);
  }
  return made;
}

function query(t: Target, verb: "create" | "update" | "patch" | "apply"): string {
  const { random } = t;
  const parts: string[] = [];
  if (chance(random, 0.12)) parts.push(`dryRun=${chance(random, 0.85) ? "All" : pick(random, ["", "true", "None"])}`);
  if (chance(random, 0.3)) parts.push(`fieldValidation=${pick(random, ["Strict", "Warn", "Ignore", "Strict", "strict", "x"])}`);
  if (verb === "apply" ? chance(random, 0.95) : chance(random, 0.2))
    parts.push(`fieldManager=${pick(random, ["m1", "m2", "m1", "a/b", chance(random, 0.1) ? "x".repeat(129) : "m3"])}`);
  if ((verb === "apply" && chance(random, 0.35)) || chance(random, 0.02)) parts.push(`force=${pick(random, ["true", "true", "false", "1", "x"])}`);
  if (chance(random, 0.02)) parts.push("pretty=true");
  return parts.length ? `?${parts.join("&")}` : "";
}

const emptyValues = ["", 0, false, null, [], {}];

/** One of the scalars, lists or maps that the document has becomes an empty one, said explicitly. */
function emptySome(random: Random, value: unknown, skip: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) return;
  const map = value as Record<string, unknown>;
  const keys = Object.keys(map).filter((key) => !skip.has(key));
  if (!keys.length) return;
  const key = pick(random, keys);
  const inner = map[key];
  if (typeof inner === "object" && inner !== null && Object.keys(inner).length && chance(random, 0.8)) {
    emptySome(random, inner, none);
    return;
  }
  const like = emptyValues.filter((empty) => typeof empty === typeof inner && Array.isArray(empty) === Array.isArray(inner));
  map[key] = pick(random, chance(random, 0.85) && like.length ? like : emptyValues);
}
const none: ReadonlySet<string> = new Set(["caBundle"]);
const identity: ReadonlySet<string> = new Set(["kind", "apiVersion", "metadata"]);

/** JSON mostly; YAML, protobuf, and text that is not what it says now and then. */
function encoded(t: Target, object: JSONObject, headers?: Record<string, string>): Pick<Request, "body" | "headers"> {
  const { random } = t;
  const roll = random.next();
  if (roll < 0.06) return { body: dump(object), headers: { ...headers, "content-type": contentTypes.yaml } };
  if (roll < 0.1) {
    const body = inProtobuf(object);
    return body ? { body, headers: { ...headers, "content-type": contentTypes.protobuf } } : { body: object, ...(headers ? { headers } : {}) };
  }
  const [text, made] = [JSON.stringify(object), headers ? { headers } : {}];
  if (roll < 0.11) return { body: `{"kind":"${object.kind}",${text.slice(1)}`, ...made };
  if (roll < 0.115) return { body: text.replace(/"(spec|metadata)":\{/, '"$1":{"labels":{"a":"b"},"labels":{"a":"b","a":"c"},'), ...made };
  if (roll < 0.122) return { body: pick(random, ["", "null", "[]", "{}", text.slice(0, -1), `${text}x`, "1", '"x"', `${text}${text}`]), ...made };
  if (roll < 0.127)
    return {
      body: object,
      headers: { ...headers, "content-type": pick(random, ["text/plain", "application/xml", "application/json; charset=utf-8", "application/cbor", "x"]) },
    };
  if (roll < 0.15) return { body: respelledJSON(random, object), ...made };
  if (roll < 0.17) return { body: respelledYAML(random, object), headers: { ...headers, "content-type": contentTypes.yaml } };
  return { body: object, ...made };
}

function create(t: Target): GenStep {
  const { random } = t;
  const object = t.body();
  if (t.def.resource.endsWith("accessreviews") && chance(random, 0.6)) object.spec = accessSpec(t);
  else edits(t, object, [0.3, 0.75]);
  const metadata = object.metadata as JSONObject;
  if (chance(random, 0.04)) {
    delete metadata.name;
    if (chance(random, 0.8)) metadata.generateName = "gn-";
  } else if (chance(random, 0.02)) metadata.generateName = "gn-";
  else if (chance(random, 0.03)) metadata.name = pick(random, ["UPPER", "a b", "x".repeat(254), "a/b", "-a", "a_b", "..", "%"]);
  if (chance(random, 0.03)) metadata.namespace = pick(random, ["default", "other", ""]);
  if (chance(random, 0.02))
    Object.assign(metadata, { uid: "12345", resourceVersion: pick(random, ["1", "0", "x"]), creationTimestamp: "2026-01-02T03:04:05Z", generation: 7 });
  if (chance(random, 0.03)) metadata.finalizers = [pick(random, ["example.com/f", "bad", "a/b/c", "foregroundDeletion", "orphan"])];
  if (chance(random, 0.03))
    metadata.ownerReferences = [
      { apiVersion: pick(random, ["v1", "", "a/b/c"]), kind: "ConfigMap", name: "o", uid: "u", ...(chance(random, 0.5) ? { controller: true } : {}) },
    ];
  if (chance(random, 0.02)) object.kind = pick(random, ["", "Pod", "Nope"]);
  if (chance(random, 0.02)) object.apiVersion = pick(random, ["", "v1", "apps/v1", "nope/v9", "a/b/c"]);
  return { verb: "create", method: "POST", path: t.collection + query(t, "create"), ...encoded(t, object) };
}

function update(t: Target): GenStep {
  const { random } = t;
  const path = t.path + query(t, "update");
  if (chance(random, 0.3)) {
    const object = t.body();
    edits(t, object, [0.3, 0.8]);
    if (chance(random, 0.3)) (object.metadata as JSONObject).resourceVersion = pick(random, ["0", "1", "", "x", "{rv}"]);
    return { verb: "update", method: "PUT", path, ...encoded(t, object) };
  }
  const seed = random.int(2 ** 31);
  const form = pick(random, ["json", "json", "json", "json", "json", "json", "json", "json", "yaml", "protobuf"] as const);
  return {
    verb: "update",
    method: "PUT",
    path,
    ...(form === "json" ? {} : { headers: { "content-type": contentTypes[form] } }),
    from: (last) => {
      const object = structuredClone(last);
      const own = { ...t, random: reseeded(seed) };
      edits(own, object, [0.15, 0.75]);
      if (chance(own.random, 0.06)) object.metadata = { ...(object.metadata as JSONObject | undefined), managedFields: managedFields(own, last) };
      return form === "yaml" ? dump(object) : form === "protobuf" ? (inProtobuf(object) ?? object) : object;
    },
  };
}

let reseeded: (seed: number) => Random;
export function useRandom(make: (seed: number) => Random): void {
  reseeded = make;
}

/** The least document that carries an edit. */
function around(one: Edit, object: JSONObject): JSONObject {
  const root: JSONObject = {};
  let at: Record<string | number, unknown> = root;
  let source: unknown = object;
  for (const [i, step] of one.path.entries()) {
    source = (source as Record<string | number, unknown> | undefined)?.[step];
    const next = one.path[i + 1];
    if (next === undefined) at[step] = one.value === undefined ? null : one.value;
    else if (typeof next === "number") {
      const copy = structuredClone(source) as unknown[];
      apply({ list: copy }, { path: ["list", ...one.path.slice(i + 1)], value: one.value });
      at[step] = copy;
      return root;
    } else {
      at[step] = {};
      at = at[step] as Record<string | number, unknown>;
    }
  }
  return root;
}

function patch(t: Target): GenStep {
  const { random } = t;
  const kind = pick(random, ["json", "merge", "strategic", "apply", "apply", ...(t.applies ? (["apply", "apply", "apply", "apply"] as const) : [])] as const);
  const path = t.path + query(t, kind === "apply" ? "apply" : "patch");
  const headers = { ...patchHeaders[kind] };
  const base = { verb: `patch.${kind}`, method: "PATCH" as const, path, headers };
  if (chance(random, 0.02))
    return { ...base, body: pick(random, ["", "null", "[]", "{", "{}", "a: [", "1", '{"a":1,"a":2}', "a: 1\na: 2\n", "kind: &a x\nb: *a\n"]) };
  if (kind === "apply") {
    const object = t.body();
    if (chance(random, 0.5))
      for (const key of Object.keys(object)) if (!["kind", "apiVersion", "metadata"].includes(key) && chance(random, 0.3)) delete object[key];
    edits(t, object, t.applies ? [0.55, 0.9] : [0.25, 0.8]);
    for (let i = t.applies ? random.int(3) : random.int(8) - 6; i > 0; i--) emptySome(random, object, identity);
    if (t.applies && chance(random, 0.3)) (object.metadata as JSONObject).annotations = { [pick(random, ["a", "b"])]: pick(random, ["", "1", "2"]) };
    if (chance(random, 0.03)) (object.metadata as JSONObject).resourceVersion = pick(random, ["1", "{rv}"]);
    if (chance(random, 0.02)) (object.metadata as JSONObject).managedFields = [];
    if (chance(random, 0.02)) delete object[pick(random, ["kind", "apiVersion"])];
    return { ...base, body: chance(random, 0.04) ? respelledYAML(random, object) : chance(random, 0.3) ? dump(object) : object };
  }
  const seed = random.int(2 ** 31);
  return {
    ...base,
    from: (last) => {
      const own = { ...t, random: reseeded(seed) };
      return respelled(own.random, made(own, structuredClone(last)));
    },
  };

  function made(own: Target, object: JSONObject): unknown {
    if (kind === "strategic" && chance(own.random, 0.35)) return directives(own.random, object, t.type);
    if (kind === "json" && chance(own.random, 0.45)) return jsonPatch(own.random, object, t.type);
    const one = edit(own.random, object, t.type);
    if (kind === "json") {
      const pointer = `/${one.path.map((step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;
      if (one.value === undefined) return [{ op: "remove", path: pointer }];
      if (chance(own.random, 0.1)) {
        const two = edit(own.random, object, t.type);
        return [
          { op: "test", path: "/kind", value: t.def.kind, ...(chance(own.random, 0.1) ? { unknown: 1 } : {}) },
          { op: "add", path: pointer, value: one.value },
          { op: "replace", path: `/${two.path.join("/")}`, value: two.value ?? null },
        ];
      }
      if (chance(own.random, 0.1))
        return [{ op: pick(own.random, ["test", "replace", "move", "copy", "bad"]), path: pointer, value: one.value, from: "/metadata/labels" }];
      return [{ op: "add", path: pointer, value: one.value }];
    }
    return around(one, object);
  }
}

function read(t: Target): GenStep {
  const { random } = t;
  const roll = random.next();
  if (roll < 0.5) {
    const headers = chance(random, 0.5) ? pick(random, forms) : undefined;
    const suffix = chance(random, 0.1)
      ? pick(random, [
          "?resourceVersion=0",
          "?resourceVersion=x",
          "?resourceVersion=999999999",
          "?pretty=1",
          "?includeObject=None",
          "?includeObject=Object",
          "?includeObject=x",
        ])
      : "";
    return { verb: "get", method: "GET", path: t.path + suffix, ...(headers ? { headers } : {}) };
  }
  const parts = [`labelSelector=${pick(random, [`ep%3D${t.name}`, `ep+in+(${t.name},x)`, `ep%3D%3D${t.name},a!%3Dzz`, `ep%3D${t.name},!nope`])}`];
  if (chance(random, 0.1))
    parts[0] = `labelSelector=${pick(random, ["a+in", "a%3Db%3Dc", "%3D", "A+B", "!", "a+gt+1", "a%3E1", "a%3Ex", `ep+notin+(${t.name}`, "x".repeat(70), `a%3D${"x".repeat(70)}`])}`;
  if (chance(random, 0.35)) parts.push(`fieldSelector=${selectableNames(random)}`);
  if (chance(random, 0.25)) parts.push(`limit=${pick(random, ["1", "500", "0", "-1", "x"])}`);
  if (chance(random, 0.05)) parts.push(`continue=${pick(random, ["{continue}", "nonsense", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"])}`);
  if (chance(random, 0.15)) parts.push(`resourceVersion=${pick(random, ["0", "1", "x", "{rv}", "", "999999999"])}`);
  if (chance(random, 0.1)) parts.push(`resourceVersionMatch=${pick(random, ["Exact", "NotOlderThan", "x"])}`);
  const headers = chance(random, 0.4) ? pick(random, [tables, partials, protobuf, ...forms]) : undefined;
  if (headers === tables && chance(random, 0.5)) parts.push(`includeObject=${pick(random, ["None", "Metadata", "Object", "x", ""])}`);
  return { verb: "list", method: "GET", path: `${t.collection}?${parts.join("&")}`, ...(headers ? { headers } : {}) };
}

function remove(t: Target): GenStep {
  const { random } = t;
  const options: JSONObject = {};
  if (chance(random, 0.3)) options.gracePeriodSeconds = pick<JSONValue>(random, [0, 1, 30, -1, 0, 1, 30, -1, null, "5", 1.5, 1e20]);
  if (chance(random, 0.3)) options.propagationPolicy = pick(random, ["Orphan", "Foreground", "Background", "Nope"]);
  if (chance(random, 0.1)) options.orphanDependents = chance(random, 0.5);
  if (chance(random, 0.15))
    options.preconditions = pick<JSONObject>(random, [
      { uid: "{uid}" },
      { uid: "x" },
      { resourceVersion: "{rv}" },
      { resourceVersion: "1" },
      { uid: "", resourceVersion: "{rv}" },
      { uid: "x", resourceVersion: "1" },
      { resourceVersion: "x", uid: null },
    ]);
  if (chance(random, 0.1)) options.dryRun = [pick(random, ["All", "x"])];
  if (chance(random, 0.05)) options.unknown = 1;
  if (chance(random, 0.05)) options.ignoreStoreReadErrorWithClusterBreakingPotential = chance(random, 0.5);
  if (chance(random, 0.1))
    Object.assign(options, {
      kind: pick(random, ["DeleteOptions", "DeleteOptions", "Nope", "PatchOptions", "Status", "Pod"]),
      apiVersion: pick(random, ["v1", "meta.k8s.io/v1", "apps/v1", "x/y", ""]),
    });
  const body = Object.keys(options).length ? { body: respelled(random, options) } : {};
  if (chance(random, 0.2)) {
    const selector = [`labelSelector=ep%3D${t.name}`];
    if (chance(random, 0.3)) selector.push(`fieldSelector=${chance(random, 0.5) ? `metadata.name%3D${t.name}` : selectableNames(random)}`);
    if (chance(random, 0.15)) selector.push(`dryRun=${pick(random, ["All", "All", "x"])}`);
    if (chance(random, 0.1)) selector.push(`limit=${pick(random, ["1", "0", "x"])}`);
    if (chance(random, 0.1)) selector.push(`resourceVersion=${pick(random, ["0", "{rv}", "x"])}`);
    if (chance(random, 0.05)) selector.push(`resourceVersionMatch=${pick(random, ["Exact", "NotOlderThan", "x"])}`);
    if (chance(random, 0.1))
      selector.push(pick(random, ["gracePeriodSeconds=0", "propagationPolicy=Orphan", "orphanDependents=true", "continue=x", "sendInitialEvents=true"]));
    if (chance(random, 0.05)) selector[0] = "labelSelector=a+in";
    return { verb: "deletecollection", method: "DELETE", path: `${t.collection}?${selector.join("&")}`, ...body };
  }
  const suffix = chance(random, 0.2)
    ? pick(random, [
        "?dryRun=All",
        "?gracePeriodSeconds=0",
        "?propagationPolicy=Foreground",
        "?gracePeriodSeconds=x",
        "?gracePeriodSeconds=",
        "?uid={uid}&resourceVersion=1",
        "?propagationPolicy=x",
        "?orphanDependents=true",
        "?orphanDependents=x",
        "?preconditions=x",
        "?ignoreStoreReadErrorWithClusterBreakingPotential=true",
        "?dryRun=All&propagationPolicy=Background&gracePeriodSeconds=3",
      ])
    : "";
  return { verb: "delete", method: "DELETE", path: t.path + suffix, ...body };
}

function chosen(t: Target, exists: boolean): GenStep {
  const { random } = t;
  const verbs = t.def.verbs;
  if (chance(random, 0.04)) return astray(t);
  if (chance(random, 0.015)) return elsewhere(t);
  if (!verbs.includes("delete") && !verbs.includes("list")) return { ...create(t), hide: ["token", "expirationTimestamp"] };
  if (!verbs.includes("create")) return read(t);
  if (t.def.resource === "serviceaccounts" && exists && chance(random, 0.15)) t.queue = tokens(t).map((step) => ({ ...step, aside: true }));
  else if (verbs.includes("deletecollection") && chance(random, 0.02)) t.queue = pages(t).map((step) => ({ ...step, aside: true }));
  const next = t.queue.shift();
  if (next) return next;
  const roll = random.next();
  if (!exists) return roll < 0.78 ? create(t) : roll < 0.88 ? patch(t) : roll < 0.93 ? update(t) : roll < 0.96 ? watchStep(t) : read(t);
  if (roll < 0.2) return update(t);
  if (roll < 0.43) return patch(t);
  if (roll < 0.56) return read(t);
  if (roll < 0.6) return watchStep(t);
  if (roll < 0.67) return remove(t);
  if (roll < 0.7) return create(t);
  return subresourceStep(t, edits, query) ?? (chance(random, 0.6) ? patch(t) : update(t));
}

export function nextStep(t: Target, exists: boolean): GenStep {
  const queued = t.queue.shift();
  if (queued) return queued;
  const step = chosen(t, exists);
  const formed = step.method !== "GET" && chance(t.random, 0.06) ? { ...step, headers: { ...step.headers, ...pick(t.random, forms) } } : step;
  return dressed(t, bySomebody(t, formed));
}
