import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../object.ts";
import type { ResourceQuota } from "../types/core-v1.gen.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import type { DeviceClass, ResourceClaim } from "../types/resource-v1.gen.ts";
import { classesByResource } from "../resource/extended-resource.ts";
import type { QuotaSurroundings } from "./evaluator.ts";
import { countedBy, quotaEvaluator, totalUsage } from "./usage.ts";

const nothing: QuotaSurroundings = { classBehind: () => undefined, pod: () => undefined, resourceClaims: () => [] };
const usage = (resource: string, object: KubeObject, now = 0) => quotaEvaluator(resource, nothing).usage(object, now);
const pod = (spec: object = {}, status: object = {}): KubeObject =>
  ({
    metadata: { name: "p", namespace: "ns" },
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "100m", "x.io/gpu": "2" }, limits: { cpu: "1" } } }], ...spec },
    status,
  }) as unknown as KubeObject;
const quota = (spec: object): ResourceQuota => ({ metadata: { name: "q" }, spec }) as unknown as ResourceQuota;

test("every name of a quota leads to the resource that it counts", () => {
  assert.deepEqual(countedBy("count/deployments.apps", nothing), ["deployments.apps"]);
  assert.deepEqual(countedBy("requests.x.io/gpu", nothing), ["pods"]);
  assert.deepEqual(countedBy("gold.storageclass.storage.k8s.io/requests.storage", nothing), ["persistentvolumeclaims"]);
  assert.deepEqual(countedBy("services.nodeports", nothing), ["services"]);
  assert.deepEqual(countedBy("secrets", nothing), ["secrets"]);
  assert.deepEqual(countedBy("gpu.deviceclass.resource.k8s.io/devices", nothing), ["resourceclaims.resource.k8s.io"]);
  assert.deepEqual(countedBy("bananas", nothing), []);
});

test("a finished pod takes nothing but its count", () => {
  assert.deepEqual(usage("pods", pod({}, { phase: "Succeeded" })), { "count/pods": "1" });
  const taken = usage("pods", pod());
  assert.deepEqual([taken.pods, taken.cpu, taken["requests.cpu"], taken["limits.cpu"], taken["requests.x.io/gpu"]], ["1", "100m", "100m", "1", "2"]);
});

test("a pod that is deleted takes until its grace period is over", () => {
  const deleted = { ...pod(), metadata: { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 30 } } as unknown as KubeObject;
  const at = (seconds: number) => usage("pods", deleted, Date.parse("2026-01-01T00:00:00Z") + seconds * 1000).pods;
  assert.deepEqual([at(20), at(31)], ["1", undefined]);
});

test("a service takes node ports by its type", () => {
  const service = (spec: object): KubeObject =>
    ({ metadata: { name: "s" }, spec: { ports: [{ port: 1 }, { port: 2, nodePort: 30000 }], ...spec } }) as unknown as KubeObject;
  const ports = (spec: object) => usage("services", service(spec))["services.nodeports"];
  assert.deepEqual(
    [ports({ type: "ClusterIP" }), ports({ type: "NodePort" }), ports({ type: "LoadBalancer", allocateLoadBalancerNodePorts: false })],
    ["0", "2", "1"],
  );
});

test("scopes choose pods and claims, and a quota with scopes is about nothing else", () => {
  const counts = (spec: object, object: KubeObject, name = "pods", resource = name) =>
    totalUsage(quota({ hard: { [name]: "5" }, ...spec }), quotaEvaluator(resource, nothing), [object], 0)[name] === "1";
  assert.equal(counts({ scopes: ["Terminating"] }, pod({ activeDeadlineSeconds: 5 })), true);
  assert.equal(counts({ scopes: ["NotTerminating"] }, pod({ activeDeadlineSeconds: 5 })), false);
  assert.equal(counts({ scopes: ["BestEffort"] }, pod({ containers: [{ name: "c" }] })), true);
  const high = { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } };
  assert.deepEqual([counts(high, pod({ priorityClassName: "high" })), counts(high, pod())], [true, false]);
  assert.equal(counts({ scopes: ["BestEffort"] }, pod(), "services"), false);
  const claim = (volumeAttributesClassName?: string) => ({ metadata: { name: "c" }, spec: { volumeAttributesClassName } }) as unknown as KubeObject;
  const fast = { scopeSelector: { matchExpressions: [{ scopeName: "VolumeAttributesClass", operator: "In", values: ["fast"] }] } };
  assert.deepEqual([counts(fast, claim("fast"), "persistentvolumeclaims"), counts(fast, claim(), "persistentvolumeclaims")], [true, false]);
});

test("a claim takes the larger of what it asks for and what was allocated, a device claim the most that it may be given", () => {
  const claim = { metadata: { name: "c" }, spec: { resources: { requests: { storage: "1Gi" } } }, status: { allocatedResources: { storage: "2Gi" } } };
  assert.equal(usage("persistentvolumeclaims", claim as unknown as KubeObject)["requests.storage"], "2Gi");
  const requests = [
    { exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 3 } },
    { firstAvailable: [{ deviceClassName: "gpu", allocationMode: "All" }] },
  ];
  const devices = usage("resourceclaims.resource.k8s.io", { metadata: { name: "d" }, spec: { devices: { requests } } } as unknown as KubeObject);
  assert.equal(devices["gpu.deviceclass.resource.k8s.io/devices"], "35");
});

test("usage is summed for the names of the quota only, zero where nothing is used", () => {
  const spec = { hard: { "requests.cpu": "1", pods: "5", "limits.memory": "1Gi", services: "3" } };
  assert.deepEqual(totalUsage(quota(spec), quotaEvaluator("pods", nothing), [pod(), pod()], 0), { "requests.cpu": "200m", pods: "2", "limits.memory": "0" });
});

test("devices count against the extended resources that their class stands behind, as far as no pod is charged for them", () => {
  const metadata = (name: string, more: object = {}) => ({ name, namespace: "n", uid: `uid-${name}`, ...more }) as unknown as ResourceClaim["metadata"];
  const classes: DeviceClass[] = [{ metadata: metadata("gpu"), spec: { extendedResourceName: "example.com/gpu" } }];
  const owned = { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p", controller: true }] };
  const marked = { annotations: { "resource.kubernetes.io/extended-resource-claim": "true" } };
  const claim = (name: string, more: object = {}): ResourceClaim => {
    const requests = [{ name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 3 } }];
    return { metadata: metadata(name, more), spec: { devices: { requests } }, status: {} } as ResourceClaim;
  };
  const resources = { requests: { "example.com/gpu": "2" } };
  const charged = { metadata: metadata("p"), spec: { containers: [{ name: "c", resources }] }, status: {} } as unknown as Pod;
  const names = ["requests.example.com/gpu", "requests.deviceclass.resource.kubernetes.io/gpu"];
  const charge = (one: ResourceClaim, pod = charged, claims: ResourceClaim[] = []): (string | undefined)[] => {
    const around = { classBehind: (resource: string) => classesByResource(classes).get(resource), pod: () => pod, resourceClaims: () => claims };
    const evaluator = quotaEvaluator("resourceclaims.resource.k8s.io", around);
    assert.deepEqual(evaluator.matching([...names, "requests.example.com/other", "pods"]), names);
    assert.deepEqual(countedBy("requests.example.com/gpu", around), ["pods", "resourceclaims.resource.k8s.io"]);
    const used = evaluator.usage(one, 0);
    return names.map((name) => used[name]);
  };
  const extended = (name: string, creationTimestamp = "2026-01-02T00:00:00Z"): ResourceClaim => claim(name, { ...owned, ...marked, creationTimestamp });
  const telling = (resourceClaimName: string): Pod => ({ ...charged, status: { extendedResourceClaimStatus: { resourceClaimName } } }) as unknown as Pod;
  assert.deepEqual(charge(claim("users")), ["3", "3"]);
  assert.deepEqual(charge(claim("unmarked", owned)), ["3", "3"]);
  assert.deepEqual(charge(extended("x")), ["1", "3"]);
  assert.deepEqual(charge(extended("x"), telling("x")), ["1", "3"]);
  assert.deepEqual(charge(extended("x"), telling("y")), ["3", "3"]);
  assert.deepEqual(charge(extended("x"), charged, [extended("y", "2026-01-01T00:00:00Z")]), ["3", "3"]);
  assert.deepEqual(
    usage("pods", {
      ...charged,
      spec: { containers: [{ name: "c", resources: { requests: { "deviceclass.resource.kubernetes.io/gpu": "1" } } }] },
    } as unknown as Pod)[names[1] as string],
    "1",
  );
});
