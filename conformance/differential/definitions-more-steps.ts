/** Requests about what every object has: finalizers, deletion with options, metadata, lists and watches of every scope and age. */
import type { JSONObject } from "../../src/api/json.ts";
import type { Version } from "./definitions-made.ts";
import type { Step, World } from "./definitions-steps.ts";
import { partial, partials, patchHeaders, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

const metaOf = (object: JSONObject): JSONObject => (object.metadata ?? {}) as JSONObject;

function deletion({ random }: World, name: string, path: string): Step {
  const options: readonly (object | ((last: JSONObject) => object))[] = [
    { propagationPolicy: pick(random, ["Foreground", "Background", "Orphan", "Sideways", ""]) },
    { gracePeriodSeconds: pick(random, [0, 30, -1]) },
    (last) => ({ preconditions: { uid: metaOf(last).uid ?? null } }),
    (last) => ({ preconditions: { resourceVersion: metaOf(last).resourceVersion ?? null } }),
    { preconditions: { uid: "other" } },
    { preconditions: { resourceVersion: "1" } },
    { dryRun: pick(random, [["All"], ["Some"], []]) },
    { orphanDependents: true, ...(chance(random, 0.3) ? { propagationPolicy: "Foreground" } : {}) },
    { unknown: 1 },
    { kind: "Thing" },
  ];
  const chosen = pick(random, options);
  const more = (last: JSONObject): object => (typeof chosen === "function" ? chosen(last) : chosen);
  return { verb: "delete", name, method: "DELETE", path, from: (last) => ({ kind: "DeleteOptions", apiVersion: "v1", ...more(last) }) };
}

function metadata({ random, n }: World, name: string, path: string): Step {
  const changes: (() => object | null)[] = [
    () => ({ finalizers: pick(random, [["example.com/f"], ["example.com/f", "example.com/g"], ["orphan"], ["foregroundDeletion"], []]) }),
    () => ({ finalizers: ["example.com/f"] }),
    () => ({ finalizers: null }),
    () => ({ finalizers: null }),
    () => ({ labels: { more: pick(random, ["a", "b", "a b", ""]), ep: `e${n}` } }),
    () => ({ annotations: { note: pick(random, ["a", "b"]) } }),
    () => ({ annotations: null }),
    () => ({ ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u", ...(chance(random, 0.5) ? { controller: true } : {}) }] }),
    () => ({ ownerReferences: null }),
    () => ({ managedFields: pick<unknown>(random, [[{}], [], null]) }),
    () => ({ deletionTimestamp: "2026-01-02T03:04:05Z", deletionGracePeriodSeconds: 5 }),
    () => ({ generation: 50, uid: null, creationTimestamp: null, selfLink: "/x" }),
  ];
  return {
    verb: "patch.metadata",
    name,
    method: "PATCH",
    path: `${path}${pick(random, ["", "", "/status"])}${pick(random, ["", "", "?fieldManager=m1", "?dryRun=All"])}`,
    headers: patchHeaders.merge,
    body: { metadata: pick(random, changes)() },
  };
}

/** All that a manager owned of the object is given up. */
function release({ random, definition }: World, version: Version, name: string, path: string): Step {
  const { group, names } = definition.spec;
  const body = { apiVersion: `${group}/${version.name}`, kind: names.kind, metadata: { name, ...(chance(random, 0.5) ? { labels: { own: "m" } } : {}) } };
  return {
    verb: "patch.release",
    name,
    method: "PATCH",
    path: `${path}${pick(random, ["", "", "/status"])}?fieldManager=${pick(random, ["m1", "m2", "m3"])}${pick(random, ["", "&force=true"])}`,
    headers: patchHeaders.apply,
    body,
  };
}

function listing({ random, n, definition }: World, version: Version, name: string, collection: string): Step {
  const whole = definition.spec.scope === "Cluster" ? collection : pick(random, [collection, collection.replace("/namespaces/default/", "/")]);
  const fields = (version.selectableFields as { jsonPath: string }[] | undefined) ?? [];
  const field = fields.length && chance(random, 0.6) ? pick(random, fields).jsonPath.slice(1) : pick(random, ["metadata.name", "metadata.namespace"]);
  const parts = [
    `labelSelector=ep%3De${n}`,
    ...(chance(random, 0.4)
      ? [`fieldSelector=${encodeURIComponent(`${field}${pick(random, ["=", "!="])}${pick(random, [name, "default", "a", "1", "true", ""])}`)}`]
      : []),
  ];
  const watched = chance(random, 0.5);
  const headers = chance(random, 0.4) ? { headers: pick(random, watched ? [tables, partial] : [tables, partials]) } : {};
  if (!watched) {
    const age = pick(random, [
      "",
      "",
      "&resourceVersion=0",
      "&resourceVersion={rv}",
      "&resourceVersion={rv}&resourceVersionMatch=NotOlderThan",
      "&limit=1",
      "&resourceVersionMatch=Exact",
    ]);
    return { verb: "list", name, method: "GET", path: `${whole}?${parts.join("&")}${age}`, ...headers };
  }
  const start = pick(random, [
    "&resourceVersion={first}",
    "&resourceVersion={first}",
    "&resourceVersion={rv}",
    "",
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
  ]);
  return { verb: "watch", name, method: "GET", path: `${whole}?watch=true&${parts.join("&")}${start}&timeoutSeconds=5`, quiet: 250, ...headers };
}

export function moreStep(world: World, version: Version, name: string, collection: string): Step {
  const path = `${collection}/${name}`;
  const { random } = world;
  return pick<() => Step>(random, [
    () => deletion(world, name, path),
    () => metadata(world, name, path),
    () => metadata(world, name, path),
    () => metadata(world, name, path),
    () => release(world, version, name, path),
    () => listing(world, version, name, collection),
    () => listing(world, version, name, collection),
    () => ({ verb: "get.aged", name, method: "GET", path: `${path}?resourceVersion=${pick(random, ["0", "{rv}", "x"])}` }),
  ])();
}
