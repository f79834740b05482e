import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../api/schema/schema.ts";
import { conflict } from "../../api/status.ts";
import type { ResourceQuota } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { MemoryReader, type Sketch } from "../authorization/memory-reader.fixture.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { resourceQuota } from "./resource-quota.ts";
import type { LimitedResource } from "./resource-quota-configuration.ts";

const quota = (hard: Record<string, string>, more: object = {}, used = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]))): Sketch => ({
  metadata: { name: "q", namespace: "a", resourceVersion: "1" },
  spec: { hard, ...more },
  status: { hard, used },
});

function world(...quotas: Sketch[]) {
  return limitedWorld([], ...quotas);
}
function limitedWorld(limited: readonly LimitedResource[], ...quotas: Sketch[]) {
  const reader = new MemoryReader().put("resourcequotas", ...quotas);
  let conflicts = 0;
  const plugin = resourceQuota({
    limited,
    reader,
    clock: new VirtualClock(),
    async updateStatus(changed) {
      await Promise.resolve();
      if (conflicts-- > 0) throw conflict("resourcequotas", changed.metadata.name, "changed");
      reader.put("resourcequotas", changed as unknown as Sketch);
    },
  });
  const attributes = (resource: string, object: Sketch, more: Partial<AdmissionAttributes> = {}): AdmissionAttributes => ({
    operation: "CREATE",
    resource: resourceOf("", "v1", resource) as ResourceDef,
    subresource: "",
    namespace: "a",
    name: object.metadata.name,
    object: object as unknown as KubeObject,
    user: { name: "u", groups: [] },
    dryRun: false,
    warn() {},
    request: { signal: new AbortController().signal },
    ...more,
  });
  return {
    admit: async (resource: string, object: Sketch, more: Partial<AdmissionAttributes> = {}) => plugin.validate?.(attributes(resource, object, more)),
    used: () => reader.get<ResourceQuota>("resourcequotas", "a", "q")?.status?.used,
    conflict: (times: number) => {
      conflicts = times;
    },
  };
}
const pod = (cpu?: string, spec: object = {}): Sketch => ({
  metadata: { name: "p", namespace: "a" },
  spec: { containers: [{ name: "c", ...(cpu ? { resources: { requests: { cpu }, limits: { cpu } } } : {}) }], ...spec },
});

test("pods are charged until the quota is full, and the refusal says what was asked, used and allowed", async () => {
  const { admit, used } = world(quota({ "requests.cpu": "1", pods: "5" }));
  await admit("pods", pod("600m"));
  assert.deepEqual(used(), { "requests.cpu": "600m", pods: "1" });
  await assert.rejects(admit("pods", pod("600m")), {
    message: 'pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
  });
  await assert.rejects(admit("pods", pod()), { message: 'pods "p" is forbidden: failed quota: q: must specify requests.cpu for: c' });
  await admit("pods", pod("100m"), { dryRun: true });
  assert.deepEqual(used(), { "requests.cpu": "600m", pods: "1" });
});

test("of many creates at once only as many pass as fit", async () => {
  const { admit, used } = world(quota({ pods: "3" }));
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => admit("pods", pod())));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
  assert.deepEqual(used(), { pods: "3" });
});

test("a conflict is tried again on the newest version, four times in all", async () => {
  const { admit, used, conflict: fail } = world(quota({ "count/configmaps": "1" }));
  const map = { metadata: { name: "m", namespace: "a" } };
  fail(3);
  await admit("configmaps", map);
  assert.deepEqual(used(), { "count/configmaps": "1" });
  const other = world(quota({ configmaps: "1" }));
  other.conflict(9);
  await assert.rejects(other.admit("configmaps", map), { code: 409 });
});

test("scopes decide which pods a quota concerns", async () => {
  const best = world(quota({ pods: "0" }, { scopes: ["BestEffort"] }));
  await best.admit("pods", pod("1"));
  await assert.rejects(best.admit("pods", pod()), /exceeded quota/);
  const classes = world(quota({ pods: "0" }, { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } }));
  await classes.admit("pods", pod());
  await assert.rejects(classes.admit("pods", pod(undefined, { priorityClassName: "high" })), /exceeded quota/);
});

test("an update is charged for what it adds", async () => {
  const { admit, used } = world(quota({ "requests.storage": "3Gi" }, {}, { "requests.storage": "1Gi" }));
  const claim = (storage: string): Sketch => ({
    metadata: { name: "v", namespace: "a", resourceVersion: "1" },
    spec: { resources: { requests: { storage } } },
  });
  await admit("persistentvolumeclaims", claim("2Gi"), { operation: "UPDATE", old: claim("1Gi") as unknown as KubeObject });
  assert.deepEqual(used(), { "requests.storage": "2Gi" });
  await assert.rejects(
    admit("persistentvolumeclaims", claim("4Gi"), { operation: "UPDATE", old: claim("2Gi") as unknown as KubeObject }),
    /requested: requests.storage=2Gi, used: requests.storage=2Gi, limited: requests.storage=3Gi/,
  );
});

test("a quota that nobody has counted yet lets nothing through", async () => {
  const { admit } = world(quota({ services: "1" }, {}, {}));
  await assert.rejects(admit("services", { metadata: { name: "s", namespace: "a" }, spec: {} }), {
    message: 'services "s" is forbidden: status unknown for quota: q, resources: services',
  });
});

test("a resource claim counts the devices of each class, the most that an alternative may take", async () => {
  const { admit, used } = world(quota({ "gpu.deviceclass.resource.k8s.io/devices": "5", "count/resourceclaims.resource.k8s.io": "9" }));
  const exact = (count: number) => ({ exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count } });
  const either = { firstAvailable: [1, 3].map((count) => ({ deviceClassName: "gpu", allocationMode: "ExactCount", count })) };
  const claim = (...requests: object[]): Sketch => ({ metadata: { name: "c", namespace: "a" }, spec: { devices: { requests } } });
  const resource = resourceOf("resource.k8s.io", "v1", "resourceclaims") as ResourceDef;
  await admit("resourceclaims", claim(exact(1), either), { resource });
  assert.deepEqual(used(), { "gpu.deviceclass.resource.k8s.io/devices": "4", "count/resourceclaims.resource.k8s.io": "1" });
  await assert.rejects(admit("resourceclaims", claim(exact(2)), { resource }), /exceeded quota/);
});

test("what is limited needs a quota that covers it, in a namespace without quotas too", async () => {
  const limited: LimitedResource[] = [
    { resource: "pods", matchContains: ["cpu"] },
    { resource: "pods", matchScopes: [{ scopeName: "PriorityClass", operator: "In", values: ["high", "higher"] }] },
  ];
  const { admit } = limitedWorld(limited);
  await admit("pods", pod());
  await assert.rejects(admit("pods", pod("1")), { message: 'pods "p" is forbidden: insufficient quota to consume: cpu,limits.cpu,requests.cpu' });
  await assert.rejects(admit("pods", pod(undefined, { priorityClassName: "high" })), {
    code: 500,
    message: "insufficient quota to match these scopes: [{PriorityClass In [high higher]}]",
  });
  await admit("configmaps", { metadata: { name: "c", namespace: "a" } });
  const covered = limitedWorld(limited, quota({ cpu: "5", "limits.cpu": "5", "requests.cpu": "5" }));
  await covered.admit("pods", pod("1"));
  const scoped = limitedWorld(
    limited.slice(1),
    quota({ pods: "5" }, { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "Exists" }] } }),
  );
  await scoped.admit("pods", pod(undefined, { priorityClassName: "high" }));
});
