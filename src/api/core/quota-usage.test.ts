import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../object.ts";
import type { ResourceQuota } from "../types/core-v1.gen.ts";
import { countedBy, quotaMatches, quotaUsage, totalUsage } from "./quota-usage.ts";

const pods = { group: "", resource: "pods" };
const pod = (spec: object = {}, status: object = {}): KubeObject =>
  ({
    metadata: { name: "p", namespace: "ns" },
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "100m", "x.io/gpu": "2" }, limits: { cpu: "1" } } }], ...spec },
    status,
  }) as unknown as KubeObject;
const quota = (spec: object): ResourceQuota => ({ metadata: { name: "q" }, spec }) as unknown as ResourceQuota;

test("every name of a quota leads to the resource that it counts", () => {
  assert.deepEqual(countedBy("count/deployments.apps"), { group: "apps", resource: "deployments" });
  assert.deepEqual(countedBy("requests.x.io/gpu"), pods);
  assert.equal(countedBy("gold.storageclass.storage.k8s.io/requests.storage")?.resource, "persistentvolumeclaims");
  assert.equal(countedBy("services.nodeports")?.resource, "services");
  assert.equal(countedBy("bananas"), undefined);
});

test("a finished pod takes nothing but its count", () => {
  assert.deepEqual(quotaUsage(pods, pod({}, { phase: "Succeeded" }), 0), { "count/pods": "1" });
  const usage = quotaUsage(pods, pod(), 0);
  assert.deepEqual([usage.pods, usage.cpu, usage["requests.cpu"], usage["limits.cpu"], usage["requests.x.io/gpu"]], ["1", "100m", "100m", "1", "2"]);
});

test("a service takes node ports by its type", () => {
  const service = (spec: object): KubeObject =>
    ({ metadata: { name: "s" }, spec: { ports: [{ port: 1 }, { port: 2, nodePort: 30000 }], ...spec } }) as unknown as KubeObject;
  const ports = (spec: object) => quotaUsage({ group: "", resource: "services" }, service(spec), 0)["services.nodeports"];
  assert.deepEqual(
    [ports({ type: "ClusterIP" }), ports({ type: "NodePort" }), ports({ type: "LoadBalancer", allocateLoadBalancerNodePorts: false })],
    ["0", "2", "1"],
  );
});

test("scopes choose pods, and a quota with scopes is about nothing else", () => {
  const matches = (spec: object, object: KubeObject) => quotaMatches(quota(spec), pods, object);
  assert.equal(matches({ scopes: ["Terminating"] }, pod({ activeDeadlineSeconds: 5 })), true);
  assert.equal(matches({ scopes: ["NotTerminating"] }, pod({ activeDeadlineSeconds: 5 })), false);
  assert.equal(matches({ scopes: ["BestEffort"] }, pod({ containers: [{ name: "c" }] })), true);
  const high = { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } };
  assert.deepEqual([matches(high, pod({ priorityClassName: "high" })), matches(high, pod())], [true, false]);
  assert.equal(quotaMatches(quota({ scopes: ["BestEffort"] }), { group: "", resource: "services" }, pod()), false);
});

test("usage is summed for the names of the quota only, zero where nothing is used", () => {
  const spec = { hard: { "requests.cpu": "1", pods: "5", "limits.memory": "1Gi", services: "3" } };
  assert.deepEqual(totalUsage(quota(spec), pods, [pod(), pod()], 0), { "requests.cpu": "200m", pods: "2", "limits.memory": "0" });
});
