import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../../api/schema/schema.ts";
import { MemoryReader } from "../../authorization/memory-reader.fixture.ts";
import type { AuthorizationAttributes } from "../../authorization/authorizer.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import { optionalPlugins } from "./optional.ts";

const made: string[] = [];
const chainOf = (...names: string[]) =>
  new AdmissionChain(
    optionalPlugins(names, {
      reader: new MemoryReader().put("namespaces", { metadata: { name: "a" } }),
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

test("plugins that are upstream's alone are refused by name", () => {
  assert.throws(() => chainOf("EventRateLimit"), /admission plugin EventRateLimit does not exist here/);
});
