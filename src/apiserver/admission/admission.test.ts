import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserInfo } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../api/schema/schema.ts";
import { systemClock, VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryReader, type Sketch } from "../authorization/memory-reader.fixture.ts";
import { privilegedAuthorizer } from "../authorization/union.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { AdmissionChain } from "./chain.ts";
import { defaultAdmission } from "./default.ts";

const admin: UserInfo = { name: "admin", groups: ["system:masters"] };
const kubelet: UserInfo = { name: "system:node:n1", groups: ["system:nodes"] };

function world(labels: Record<string, string> = {}) {
  const reader = new MemoryReader()
    .put("namespaces", { metadata: { name: "a", labels } }, { metadata: { name: "going" }, status: { phase: "Terminating" } })
    .put("serviceaccounts", { metadata: { name: "default", namespace: "a", uid: "s" } })
    .put("nodes", { metadata: { name: "n1", uid: "u-n1", labels: { "topology.kubernetes.io/zone": "z" } } });
  const chain = defaultAdmission({ reader, clock: systemClock, random: seededRandom(1), authorizer: privilegedAuthorizer });
  const warnings: string[] = [];
  const admit = async (group: string, resource: string, object: Sketch | undefined, more: Partial<AdmissionAttributes> = {}) => {
    const attributes: AdmissionAttributes = {
      operation: "CREATE",
      resource: resourceOf(group, "v1", resource) as ResourceDef,
      subresource: "",
      namespace: "a",
      name: object?.metadata.name ?? "",
      object: object as unknown as KubeObject,
      user: admin,
      dryRun: false,
      warn: (message) => warnings.push(message),
      request: { signal: new AbortController().signal },
      ...more,
    };
    await chain.mutate(attributes);
    await chain.validate(attributes);
    return object as Sketch & { spec: Record<string, unknown> };
  };
  return { reader, chain, admit, warnings };
}
const pod = (spec: object = {}, metadata: object = {}): Sketch => ({
  metadata: { name: "p", namespace: "a", ...metadata },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});

test("a plain pod gets account, token volume, priority and tolerations", async () => {
  const { admit } = world();
  const { spec } = await admit("", "pods", pod());
  const volume = (spec.volumes as { name: string }[])[0]?.name ?? "";
  assert.match(volume, /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.deepEqual(spec, {
    containers: [{ name: "c", image: "i", volumeMounts: [{ name: volume, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }] }],
    serviceAccountName: "default",
    serviceAccount: "default",
    volumes: [
      {
        name: volume,
        projected: {
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
            { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            { downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
          ],
          defaultMode: 420,
        },
      },
    ],
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
    tolerations: [
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ],
  });
});

test("nothing is made in a namespace that is missing or terminating", async () => {
  const { admit } = world();
  await assert.rejects(admit("", "configmaps", { metadata: { name: "c" } }, { namespace: "none" }), { code: 404, message: 'namespaces "none" not found' });
  await assert.rejects(admit("", "configmaps", { metadata: { name: "c" } }, { namespace: "going" }), {
    message: 'configmaps "c" is forbidden: unable to create new content in namespace going because it is being terminated',
  });
  await assert.rejects(admit("", "namespaces", undefined, { operation: "DELETE", name: "kube-system", namespace: "kube-system" }), {
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  });
});

test("a namespace that appears while a create waits for it is good enough", async () => {
  const clock = new VirtualClock();
  const reader = new MemoryReader();
  const chain = defaultAdmission({ reader, clock, random: seededRandom(1), authorizer: privilegedAuthorizer });
  const object = { metadata: { name: "c" } } as unknown as KubeObject;
  const resource = resourceOf("", "v1", "configmaps") as ResourceDef;
  const signal = new AbortController().signal;
  const waiting = chain.mutate({
    operation: "CREATE",
    resource,
    subresource: "",
    namespace: "late",
    name: "c",
    object,
    user: admin,
    dryRun: false,
    warn() {},
    request: { signal },
  });
  reader.put("namespaces", { metadata: { name: "late" } });
  await clock.advance(50);
  await waiting;
});

test("pods that name what does not exist are refused", async () => {
  const { admit } = world();
  await assert.rejects(admit("", "pods", pod({ serviceAccountName: "x" })), {
    message: 'pods "p" is forbidden: error looking up service account a/x: serviceaccount "x" not found',
  });
  await assert.rejects(admit("", "pods", pod({ serviceAccountName: "\uffff" })), {
    message: 'pods "p" is forbidden: error looking up service account a/\uffff: serviceaccount "\\uffff" not found',
  });
  await assert.rejects(admit("", "pods", pod({ priorityClassName: "x" })), { message: 'pods "p" is forbidden: no PriorityClass with name x was found' });
  await assert.rejects(admit("", "pods", pod({ runtimeClassName: "x" })), { message: 'pods "p" is forbidden: pod rejected: RuntimeClass "x" not found' });
});

test("a kubelet writes only what concerns its own node", async () => {
  const { admit, reader } = world();
  reader.put("pods", pod({ nodeName: "n2" }));
  const asNode = { user: kubelet };
  const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "u-n1", controller: true };
  const mirror = { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner] };
  await admit("", "pods", pod({ nodeName: "n1" }, mirror), asNode);
  await assert.rejects(
    admit("", "pods", pod({ nodeName: "n1" }), asNode),
    /does not have "kubernetes.io\/config.mirror" annotation, node "n1" can only create mirror pods/,
  );
  await assert.rejects(
    admit("", "pods", undefined, { ...asNode, operation: "DELETE", name: "p" }),
    /node "n1" can only delete pods with spec.nodeName set to itself/,
  );
  const gone = { metadata: { name: "gone" } };
  await assert.rejects(admit("", "pods", gone, { ...asNode, subresource: "eviction" }), { message: 'pod "gone" not found' });
  const node = (name: string, labels: object = {}): Sketch => ({ metadata: { name, labels }, spec: {} });
  await assert.rejects(admit("", "nodes", node("n2"), { ...asNode, namespace: "" }), /node "n1" is not allowed to modify node "n2"/);
  await assert.rejects(
    admit("", "nodes", node("n1", { "node-restriction.kubernetes.io/x": "1", "node.kubernetes.io/ok": "1", mine: "1" }), { ...asNode, namespace: "" }),
    { message: 'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/x' },
  );
  const made = await admit("", "nodes", node("n1"), { ...asNode, namespace: "" });
  assert.deepEqual(made.spec.taints, [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  const token = { metadata: {}, spec: { audiences: [], boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "p", uid: "x" } } } as unknown as Sketch;
  await assert.rejects(
    admit("", "serviceaccounts", token, { ...asNode, subresource: "token", name: "default" }),
    /The object might have been deleted and then recreated/,
  );
});

test("levels of pod security are enforced, warned of, and checked when a namespace is labelled", async () => {
  const { admit, warnings, reader } = world({ "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "restricted" });
  await assert.rejects(admit("", "pods", pod({ hostNetwork: true })), {
    message: 'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  });
  await admit("", "pods", pod());
  assert.equal(
    warnings.pop(),
    'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
  await assert.rejects(admit("", "namespaces", { metadata: { name: "x", labels: { "pod-security.kubernetes.io/enforce": "strict" } } }), {
    message:
      'Namespace "x" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  });
  reader.put("pods", pod({ hostPID: true }), pod({ hostPID: true }, { name: "q" }));
  const labelled = { metadata: { name: "a", labels: { "pod-security.kubernetes.io/enforce": "baseline" } } };
  await admit("", "namespaces", labelled, { operation: "UPDATE", old: { metadata: { name: "a" } } as unknown as KubeObject });
  assert.deepEqual(warnings, [
    'existing pods in namespace "a" violate the new PodSecurity enforce level "baseline:latest"',
    "p (and 1 other pod): host namespaces",
  ]);
});

test("the audit is told by which level of pod security a pod was judged, and what it would not have been allowed", async () => {
  const { admit } = world({ "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit": "baseline" });
  const notes = new Map<string, string>();
  const annotate = (key: string, value: string): void => void notes.set(key, value);
  await assert.rejects(admit("", "pods", pod({ hostNetwork: true }), { annotate }));
  assert.deepEqual(Object.fromEntries(notes), {
    "pod-security.kubernetes.io/enforce-policy": "baseline:latest",
    "pod-security.kubernetes.io/audit-violations": 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  });
  notes.clear();
  await world().admit("", "pods", pod(), { annotate });
  assert.deepEqual([...notes], [["pod-security.kubernetes.io/enforce-policy", "privileged:latest"]]);
});

test("limit ranges fill in what containers leave out and bound what they ask for", async () => {
  const { admit, reader } = world();
  const limits = [
    { type: "Container", default: { cpu: "500m" }, defaultRequest: { cpu: "100m" }, max: { cpu: "1" } },
    { type: "PersistentVolumeClaim", max: { storage: "1Gi" } },
  ];
  reader.put("limitranges", { metadata: { name: "l", namespace: "a" }, spec: { limits } });
  const made = await admit("", "pods", pod());
  assert.deepEqual((made.spec.containers as { resources: object }[])[0]?.resources, { limits: { cpu: "500m" }, requests: { cpu: "100m" } });
  assert.equal(
    (made.metadata.annotations as Record<string, string>)["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
  );
  const greedy = pod({ containers: [{ name: "c", image: "i", resources: { limits: { cpu: "2" } } }] });
  await assert.rejects(admit("", "pods", greedy), { message: 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2' });
  const claim = { metadata: { name: "v", namespace: "a" }, spec: { resources: { requests: { storage: "2Gi" } } } };
  await assert.rejects(admit("", "persistentvolumeclaims", claim), /maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/);
});

test("claims get the newest default class and a finalizer, bound pods the zone of their node", async () => {
  const { admit, reader } = world();
  const storageClass = (name: string, creationTimestamp: string): Sketch => ({
    metadata: { name, creationTimestamp, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  });
  reader.put("storageclasses.storage.k8s.io", storageClass("old", "2026-01-01T00:00:00Z"), storageClass("new", "2026-01-02T00:00:00Z"));
  const claim = await admit("", "persistentvolumeclaims", { metadata: { name: "v" }, spec: {} });
  assert.equal(claim.spec.storageClassName, "new");
  assert.deepEqual(claim.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
  const binding = { metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
  const bound = await admit("", "pods", binding, { subresource: "binding" });
  assert.deepEqual(bound.metadata.labels, { "topology.kubernetes.io/zone": "z" });
});

test("the chain keeps upstream's order and refuses plugins it cannot place", () => {
  const { chain } = world();
  const names = chain.plugins.map(({ name }) => name);
  assert.deepEqual(names.slice(0, 4), ["NamespaceLifecycle", "LimitRanger", "ServiceAccount", "NodeRestriction"]);
  assert.throws(() => new AdmissionChain([{ name: "Mine" }]), /admission plugin Mine has no place in the order/);
});

test("a bound pod becomes only what its node declares", async () => {
  const { admit, reader } = world();
  const sized = (cpu: string, generation: number): Sketch =>
    pod({ nodeName: "n2", serviceAccountName: "default", resources: { requests: { cpu } } }, { generation });
  const resize = () => admit("", "pods", sized("1", 2), { operation: "UPDATE", subresource: "resize", old: sized("500m", 1) as unknown as KubeObject });
  await assert.rejects(resize(), { message: 'pods "p" is forbidden: node "n2" not found' });
  const node = { metadata: { name: "n2", uid: "u" }, status: { allocatable: { cpu: "4" } } };
  reader.put("nodes", node);
  await assert.rejects(resize(), {
    message: 'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling which are not available on node "n2"',
  });
  reader.put("nodes", { ...node, status: { ...node.status, declaredFeatures: ["InPlacePodLevelResourcesVerticalScaling"] } });
  await resize();
});

test("plugins are asked about the operations that upstream's are asked about", async () => {
  const asked: string[] = [];
  const noting = (name: string): AdmissionPlugin => ({
    name,
    mutate: ({ operation }) => void asked.push(`${name} admits ${operation}`),
    validate: ({ operation }) => void asked.push(`${name} validates ${operation}`),
  });
  const chain = new AdmissionChain(["RuntimeClass", "PodResizeValidator", "Priority", "MutatingAdmissionPolicy"].map(noting));
  for (const operation of ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const) {
    const attributes = { operation } as AdmissionAttributes;
    await chain.mutate(attributes);
    await chain.validate(attributes);
  }
  const of = (name: string): string[] => asked.filter((line) => line.startsWith(`${name} admits`)).map((line) => line.split(" ")[2] as string);
  assert.deepEqual(of("RuntimeClass"), ["CREATE"]);
  assert.deepEqual(of("PodResizeValidator"), ["UPDATE"]);
  assert.deepEqual(of("Priority"), ["CREATE", "UPDATE", "DELETE"]);
  assert.deepEqual(of("MutatingAdmissionPolicy"), ["CREATE", "UPDATE", "CONNECT"]);
  assert.equal(asked.length, 16);
});
