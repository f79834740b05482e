import assert from "node:assert/strict";
import { test } from "node:test";
import { compareKubeVersions } from "../../api/discovery/kube-version.ts";
import type { APIGroupDiscoveryList } from "../../api/discovery.ts";
import type { APIGroup, APIGroupList } from "../../api/types/meta-v1.gen.ts";
import { mergedDiscovery, mergedGroup, mergedGroups } from "./merged-discovery.ts";
import { below, mergedSwagger } from "./merged-openapi.ts";
import { fromLegacy, versionOf } from "./remote-discovery.ts";
import type { Order, Remote } from "./remotes.ts";

const remote = (group: string, version: string): Remote => ({
  name: `${version}.${group}`,
  group,
  version,
  service: { namespace: "n", name: "s", port: 443 },
  insecure: false,
  available: true,
});
const priorities: Record<string, number> = { apps: 3, "z.example.com": 2, "a.example.com": 2 };
const order: Order = {
  groups: (a, b) => (priorities[b] ?? 0) - (priorities[a] ?? 0) || (a < b ? -1 : 1),
  versions: (_, a, b) => compareKubeVersions(b, a),
};
const local = { kind: "APIGroupList", apiVersion: "v1", groups: [{ name: "apps", versions: [{ groupVersion: "apps/v1", version: "v1" }] }] } as APIGroupList;

test("groups of others stand among this server's own by priority, and their versions by stability", () => {
  const remotes = [remote("z.example.com", "v1"), remote("a.example.com", "v1alpha1"), remote("a.example.com", "v1"), remote("apps", "v2beta1")];
  const { groups } = mergedGroups(local, remotes, order);
  assert.deepEqual(
    groups.map(({ name, versions }) => [name, versions.map((v) => v.version)]),
    [
      ["apps", ["v1", "v2beta1"]],
      ["a.example.com", ["v1", "v1alpha1"]],
      ["z.example.com", ["v1"]],
    ],
  );
  assert.equal(groups[1]?.preferredVersion.groupVersion, "a.example.com/v1");
  assert.equal(mergedGroup("none", undefined, remotes, order), undefined);
  const own = local.groups[0] as APIGroup;
  assert.equal(mergedGroup("apps", own, [], order), own);
});

test("what this server serves itself nobody else replaces in discovery", () => {
  const items = [{ metadata: { name: "apps" }, versions: [{ version: "v1", freshness: "Current" as const }] }];
  const list: APIGroupDiscoveryList = { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
  const merged = mergedDiscovery(list, [remote("apps", "v1"), remote("z.example.com", "v1")], ({ version }) => ({ version, freshness: "Stale" }), order);
  assert.deepEqual(
    merged.items.map(({ metadata, versions }) => [metadata.name, versions[0]?.freshness]),
    [
      ["apps", "Current"],
      ["z.example.com", "Stale"],
    ],
  );
});

test("discovery of others is read in both forms, and what has no place in it is left out", () => {
  const legacy = { resources: [{ name: "things", namespaced: true, kind: "Thing", verbs: ["get", 7], evil: {} }, { name: "things/status", kind: "Thing" }, 5] };
  assert.deepEqual(fromLegacy(legacy), [
    {
      resource: "things",
      responseKind: { group: "", version: "", kind: "Thing" },
      scope: "Namespaced",
      singularResource: "",
      verbs: ["get"],
      subresources: [{ subresource: "status", responseKind: { group: "", version: "", kind: "Thing" }, verbs: [] }],
    },
  ]);
  assert.equal(versionOf({ items: [{ metadata: { name: "g" }, versions: [{ version: "v2" }] }] }, "g", "v1"), undefined);
  for (const lie of [null, 7, [], { resources: 7 }]) assert.throws(() => fromLegacy(lie));
  assert.throws(() => versionOf({ items: "x" }, "g", "v1"));
});

test("of an OpenAPI document only what is asked of its server is taken, and definitions that differ get other names", () => {
  const ref = (name: string): object => ({ $ref: `#/definitions/${name}` });
  const theirs = {
    paths: { "/apis/g/v1/things": { get: ref("Thing") }, "/api/v1/pods": { get: ref("Pod") } },
    definitions: { Thing: { properties: { meta: ref("Meta"), own: ref("Own") } }, Meta: { type: "string" }, Own: { type: "object" }, Pod: {} },
  };
  const part = below(theirs, "/apis/g/v1");
  assert.deepEqual(Object.keys(part.definitions as object).sort(), ["Meta", "Own", "Thing"]);
  const base = { swagger: "2.0", paths: { "/api/v1/pods": 1 }, definitions: { Meta: { type: "object" }, Own: { type: "object" } } };
  const merged = mergedSwagger(base, [part]) as { paths: Record<string, unknown>; definitions: Record<string, unknown> };
  assert.deepEqual(Object.keys(merged.paths), ["/api/v1/pods", "/apis/g/v1/things"]);
  assert.equal(JSON.stringify(merged.definitions.Thing), JSON.stringify({ properties: { meta: ref("Meta_v2"), own: ref("Own") } }));
  assert.deepEqual(base.definitions, { Meta: { type: "object" }, Own: { type: "object" } });
  let deep: object = {};
  for (let i = 0; i < 1000; i++) deep = { deep };
  assert.throws(() => below({ paths: { "/apis/g/v1": deep }, definitions: {} }, "/apis/g/v1"), /nested too deep/);
});
