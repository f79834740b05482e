import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions, storageVersionHash } from "./discovery.ts";
import { type ResourceDef, resources } from "./schema/schema.ts";

test("groups come in discovery's order with their preferred version", () => {
  const groups = apiGroupList().groups.map((group) => group.name);
  assert.deepEqual(groups.slice(0, 3), ["apiregistration.k8s.io", "apps", "events.k8s.io"]);
  assert.equal(apiGroup("autoscaling")?.preferredVersion?.version, "v2");
  assert.equal(apiGroup(""), undefined);
  assert.equal(apiGroup("nothing.example"), undefined);
  assert.deepEqual(apiVersions("h:1").versions, ["v1"]);
});

test("a list of resources names subresources, foreign kinds and the hash of what is stored", () => {
  const list = apiResourceList("apps", "v1");
  const scale = list?.resources.find((r) => r.name === "deployments/scale");
  assert.deepEqual([scale?.group, scale?.version, scale?.kind], ["autoscaling", "v1", "Scale"]);
  assert.equal(list?.resources.find((r) => r.name === "deployments")?.storageVersionHash, "8aSe+NMegvE=");
  assert.equal(storageVersionHash("", "v1", "ConfigMap"), "qFsyl6wFWjQ=");
  assert.equal(storageVersionHash("events.k8s.io", "v1", "Event"), storageVersionHash("", "v1", "Event"));
  const reviews = apiResourceList("authorization.k8s.io", "v1")?.resources ?? [];
  assert.ok(reviews.length > 0 && reviews.every((r) => r.storageVersionHash === undefined));
  assert.equal(apiResourceList("apps", "v2"), undefined);
});

test("what a definition that is ending has keeps the hash of its storage version", () => {
  const cups = { group: "shop.example", version: "v1", resource: "cups", kind: "Cup", namespaced: true, singular: "cup", columns: [] };
  const ending = { ...cups, storageVersion: "v2", verbs: ["get", "list", "watch", "delete", "deletecollection"] } as ResourceDef;
  const [found] = apiResourceList("shop.example", "v1", [ending])?.resources ?? [];
  assert.equal(found?.storageVersionHash, storageVersionHash("shop.example", "v2", "Cup"));
});

test("the core list has no apiVersion, the others have", () => {
  assert.equal("apiVersion" in (apiResourceList("", "v1") ?? {}), false);
  assert.equal(apiResourceList("apps", "v1")?.apiVersion, "v1");
});

test("resources that come later are discovered beside the built-in ones", () => {
  const crontab: ResourceDef = {
    group: "stable.example.com",
    version: "v1",
    resource: "crontabs",
    kind: "CronTab",
    namespaced: true,
    singular: "crontab",
    verbs: ["get"],
  };
  const groups = aggregatedDiscovery(false, [...resources, crontab]).items;
  assert.equal(groups.at(-1)?.metadata.name, "stable.example.com");
  assert.deepEqual(groups.at(-1)?.versions[0]?.resources?.[0]?.responseKind, { group: "", version: "", kind: "CronTab" });
  assert.deepEqual(
    aggregatedDiscovery(true).items.map((g) => g.metadata),
    [{}],
  );
});
