import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../../api/schema/schema.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { MemoryReader } from "../../authorization/memory-reader.fixture.ts";
import type { AuthorizationAttributes } from "../../authorization/authorizer.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import type { AdmissionConfiguration } from "../configuration.ts";
import { optionalPlugins } from "./optional.ts";

const made: string[] = [];
const clock = new VirtualClock();
const reader = new MemoryReader().put("namespaces", { metadata: { name: "a" } }).put("namespaces", {
  metadata: {
    name: "annotated",
    annotations: {
      "scheduler.alpha.kubernetes.io/node-selector": "zone=a, disk=ssd",
      "scheduler.alpha.kubernetes.io/defaultTolerations": '[{"key":"team","operator":"Exists"}]',
      "scheduler.alpha.kubernetes.io/tolerationsWhitelist": '[{"key":"team","operator":"Exists"}]',
    },
  },
});
const configuration: AdmissionConfiguration = {
  EventRateLimit: [{ type: "Namespace", qps: 1, burst: 2 }],
  PodNodeSelector: { clusterDefaultNodeSelector: "env=test", a: "env=test,arch=arm" },
  PodTolerationRestriction: { default: [{ key: "all", operator: "Exists" }], whitelist: [{ key: "all", operator: "Exists" }] },
};
const chainOf = (...names: string[]) =>
  new AdmissionChain(
    optionalPlugins(names, {
      reader,
      clock,
      random: seededRandom(1),
      configuration,
      authorizer: {
        authorize: ({ resource, verb }: AuthorizationAttributes) => ({
          decision: resource === "replicasets" || verb === "delete" ? "allow" : "no-opinion",
          reason: "no",
        }),
      },
      createNamespace: async (name) => void made.push(name),
      resourceOfKind: (_, kind) => (kind === "ReplicaSet" ? { group: "apps", version: "v1", resource: "replicasets", namespaced: true } : undefined),
    }),
  );
async function admit(plugin: string, resource: string, object: object, more: Partial<AdmissionAttributes> = {}): Promise<Record<string, unknown>> {
  const chain = chainOf(plugin);
  const draft = { metadata: { name: "x", namespace: "a" }, ...object } as unknown as KubeObject;
  const attributes: AdmissionAttributes = {
    operation: "CREATE",
    resource: resourceOf("", "v1", resource) as ResourceDef,
    subresource: "",
    namespace: "a",
    name: "x",
    object: draft,
    user: { name: "jane", groups: [] },
    dryRun: false,
    warn: () => undefined,
    request: { signal: new AbortController().signal },
    ...more,
  };
  await chain.mutate(attributes);
  await chain.validate(attributes);
  return (draft as unknown as { spec: Record<string, unknown> }).spec;
}
const pod = (spec: object): object => ({ spec: { containers: [{ name: "c", image: "i" }], ...spec } });

test("images are always pulled, those of volumes too", async () => {
  const spec = await admit("AlwaysPullImages", "pods", pod({ volumes: [{ name: "v", image: { reference: "r" } }] }));
  assert.deepEqual(spec, {
    containers: [{ name: "c", image: "i", imagePullPolicy: "Always" }],
    volumes: [{ name: "v", image: { reference: "r", pullPolicy: "Always" } }],
  });
});

test("Services keep the external addresses that they have and get no others", async () => {
  const old = { metadata: { name: "x" }, spec: { externalIPs: ["1.2.3.4"] } } as unknown as KubeObject;
  await admit("DenyServiceExternalIPs", "services", { spec: { externalIPs: ["1.2.3.4"] } }, { operation: "UPDATE", old });
  await assert.rejects(admit("DenyServiceExternalIPs", "services", { spec: { externalIPs: ["1.2.3.5"] } }), {
    code: 403,
    message: 'services "x" is forbidden: Use of external IPs is denied by admission control',
  });
});

test("pods keep each other off nodes alone", async () => {
  const spread = (topologyKey: string) => pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } } });
  await admit("LimitPodHardAntiAffinityTopology", "pods", spread("kubernetes.io/hostname"));
  await assert.rejects(admit("LimitPodHardAntiAffinityTopology", "pods", spread("zone")), {
    message: 'pods "x" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  });
});

test("namespaces are made when they are first used, but not for a dry run; or must be there", async () => {
  await admit("NamespaceAutoProvision", "configmaps", {}, { namespace: "new" });
  await admit("NamespaceAutoProvision", "configmaps", {}, { namespace: "tried", dryRun: true });
  await admit("NamespaceAutoProvision", "configmaps", {});
  assert.deepEqual(made, ["new"]);
  await assert.rejects(admit("NamespaceExists", "configmaps", {}, { namespace: "none" }), { code: 404, message: 'namespaces "none" not found' });
});

test("pods that ask for extended resources tolerate their taints", async () => {
  const spec = await admit("ExtendedResourceToleration", "pods", {
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "1", "a.com/gpu": "1" } } }] },
  });
  assert.deepEqual(spec.tolerations, [{ key: "a.com/gpu", operator: "Exists", effect: "NoSchedule" }]);
});

test("owners are held back by who may finalize them", async () => {
  const owned = (kind: string) => ({
    metadata: { name: "x", ownerReferences: [{ apiVersion: "apps/v1", kind, name: "o", uid: "u", blockOwnerDeletion: true }] },
  });
  await admit("OwnerReferencesPermissionEnforcement", "pods", owned("ReplicaSet"));
  await assert.rejects(admit("OwnerReferencesPermissionEnforcement", "pods", owned("Nothing")), {
    message:
      'pods "x" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion apps/v1 Kind Nothing: no matches for kind "Nothing" in version "apps/v1"',
  });
});

test("events beyond the burst of a namespace are refused until its rate allows more; dry runs take nothing", async () => {
  const plugin = chainOf("EventRateLimit");
  const write = (namespace: string, dryRun = false) =>
    plugin.validate({
      ...{ operation: "CREATE" as const, resource: resourceOf("", "v1", "events") as ResourceDef, subresource: "", namespace, name: "x" },
      ...{ object: { metadata: { name: "x", namespace }, involvedObject: {} } as unknown as KubeObject, user: { name: "jane", groups: [] } },
      ...{ dryRun, warn: () => undefined, request: { signal: new AbortController().signal } },
    });
  await write("a");
  await write("a", true);
  await write("a");
  await assert.rejects(async () => write("a"), { code: 429, message: "Too many requests: limit reached on type Namespace for key a" });
  await write("b");
  await clock.advance(1000);
  await write("a");
  assert.throws(() => optionalPlugins(["EventRateLimit"], { ...({} as Parameters<typeof optionalPlugins>[1]), clock, reader, configuration: {} }), {
    message: 'admission plugin "EventRateLimit" has no configuration: name its limits in --admission-control-config-file',
  });
});

test("pods select the nodes of their namespace, and only those that are open to it", async () => {
  const selector = (nodeSelector: object) => pod({ nodeSelector });
  assert.deepEqual((await admit("PodNodeSelector", "pods", pod({}), { namespace: "annotated" })).nodeSelector, { zone: "a", disk: "ssd" });
  assert.deepEqual((await admit("PodNodeSelector", "pods", selector({ arch: "arm" }))).nodeSelector, { env: "test", arch: "arm" });
  await assert.rejects(admit("PodNodeSelector", "pods", selector({ zone: "b" }), { namespace: "annotated" }), {
    message: 'pods "x" is forbidden: pod node label selector conflicts with its namespace node label selector',
  });
  await assert.rejects(admit("PodNodeSelector", "pods", selector({ arch: "amd64" })), {
    message: 'pods "x" is forbidden: pod node label selector labels conflict with its namespace whitelist',
  });
});

test("pods get the tolerations of their namespace or of the cluster, and no others than are allowed", async () => {
  const tolerating = (key: string) => pod({ tolerations: [{ key, operator: "Exists" }] });
  assert.deepEqual((await admit("PodTolerationRestriction", "pods", pod({}))).tolerations, [{ key: "all", operator: "Exists" }]);
  assert.deepEqual((await admit("PodTolerationRestriction", "pods", pod({}), { namespace: "annotated" })).tolerations, [{ key: "team", operator: "Exists" }]);
  const why = (whose: string) => `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${whose} whitelist`;
  await assert.rejects(admit("PodTolerationRestriction", "pods", tolerating("mine")), { code: 500, message: why("cluster") });
  await assert.rejects(admit("PodTolerationRestriction", "pods", tolerating("all"), { namespace: "annotated" }), { message: why("namespace") });
  const burstable = { spec: { containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] } };
  await assert.rejects(admit("PodTolerationRestriction", "pods", burstable), { message: why("cluster") });
});
