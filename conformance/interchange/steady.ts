/** Whether every controller has done what it has to do, told from the objects alone. */
import type { KubeObject } from "../../src/api/object.ts";
import { controllerOf } from "../../src/api/meta/owner.ts";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../../src/api/types/apps-v1.gen.ts";
import type { HorizontalPodAutoscaler } from "../../src/api/types/autoscaling-v2.gen.ts";
import type { Job } from "../../src/api/types/batch-v1.gen.ts";
import type { ConfigMap, Endpoints, Namespace, Pod, ReplicationController, Service, ServiceAccount } from "../../src/api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../src/api/types/discovery-v1.gen.ts";
import type { PodDisruptionBudget } from "../../src/api/types/policy-v1.gen.ts";
import type { VolumeAttachment } from "../../src/api/types/storage-v1.gen.ts";
import { isOfTheMinute, type Snapshot } from "./observe.ts";

const of = <T extends KubeObject>(snapshot: Snapshot, kind: string): T[] =>
  [...snapshot].filter(([key]) => key.startsWith(`${kind} `)).map(([, object]) => object as unknown as T);
const nameOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;
const isReady = (pod: Pod): boolean => pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
const isOver = (pod: Pod): boolean => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";

/** Pods that stay Pending on purpose. */
const waiting = new Set(["main/unplaceable", "main/gated"]);

/** A line for each object that is not what its specification asks for; none when all is still. */
export function unsteady(snapshot: Snapshot): string[] {
  const lines: string[] = [];
  const expect = (object: KubeObject, what: string, ok: unknown): void => {
    if (!ok) lines.push(`${object.kind} ${nameOf(object)}: ${what}`);
  };
  const pods = of<Pod>(snapshot, "pods.");
  const alive = pods.filter((pod) => !isOver(pod));
  const byUid = new Map([...snapshot.values()].map((object) => [object.metadata.uid, object]));
  const owned = (owner: KubeObject): Pod[] => alive.filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid);

  for (const object of snapshot.values()) {
    if (isOfTheMinute(object)) continue;
    expect(object, "is being deleted", !object.metadata.deletionTimestamp || ["Namespace", "Node"].includes(object.kind ?? ""));
    for (const owner of object.metadata.ownerReferences ?? []) expect(object, `its owner ${owner.kind} ${owner.name} is gone`, byUid.has(owner.uid));
  }
  for (const pod of alive)
    if (!waiting.has(nameOf(pod)) && !isOfTheMinute(pod)) expect(pod, `is not ready (${pod.status?.phase}, on ${pod.spec.nodeName})`, isReady(pod));

  for (const object of of<Namespace>(snapshot, "namespaces.")) expect(object, "is leaving", object.status?.phase === "Active");
  const sets = of<ReplicaSet>(snapshot, "replicasets.apps");
  for (const object of of<Deployment>(snapshot, "deployments.apps")) {
    const { spec, status, metadata } = object;
    const own = sets.filter((set) => controllerOf(set)?.uid === metadata.uid);
    const limited = metadata.namespace === "limited";
    expect(object, "is not observed", status?.observedGeneration === metadata.generation);
    if (spec.paused || limited) continue;
    const counts = [status?.replicas, status?.updatedReplicas, status?.readyReplicas, status?.availableReplicas].map((count) => count ?? 0);
    expect(
      object,
      `has ${counts} of ${spec.replicas}`,
      counts.every((count) => count === spec.replicas),
    );
    expect(object, "has several ReplicaSets with pods", own.filter((set) => (set.spec.replicas ?? 0) > 0).length <= 1);
  }
  for (const object of [...sets, ...of<ReplicationController>(snapshot, "replicationcontrollers.")]) {
    const wanted = object.spec.replicas ?? 1;
    expect(object, "is not observed", object.status?.observedGeneration === object.metadata.generation);
    if (object.metadata.namespace === "limited") continue;
    expect(
      object,
      `has ${owned(object).length} pods, ready ${object.status?.readyReplicas}, wants ${wanted}`,
      owned(object).length === wanted && (object.status?.readyReplicas ?? 0) === wanted,
    );
  }
  for (const object of of<StatefulSet>(snapshot, "statefulsets.apps")) {
    const { spec, status, metadata } = object;
    const own = owned(object);
    expect(object, "is not observed", status?.observedGeneration === metadata.generation);
    expect(
      object,
      `has ${own.length} pods, ready ${status?.readyReplicas}, wants ${spec.replicas}`,
      own.length === spec.replicas && (status?.readyReplicas ?? 0) === spec.replicas,
    );
    const updated = Math.max(0, (spec.replicas ?? 1) - (spec.updateStrategy?.rollingUpdate?.partition ?? 0));
    expect(object, `has ${status?.updatedReplicas} updated, wants ${updated}`, (status?.updatedReplicas ?? 0) >= updated);
  }
  for (const object of of<DaemonSet>(snapshot, "daemonsets.apps")) {
    const { status, spec, metadata } = object;
    expect(object, "is not observed", status?.observedGeneration === metadata.generation);
    expect(object, `has ${status?.numberReady} ready of ${status?.desiredNumberScheduled}`, status?.numberReady === status?.desiredNumberScheduled);
    if (spec.updateStrategy?.type !== "OnDelete") expect(object, "is not updated", (status?.updatedNumberScheduled ?? 0) === status?.desiredNumberScheduled);
    expect(object, `has ${owned(object).length} pods`, owned(object).length === status?.desiredNumberScheduled);
  }
  for (const object of of<Job>(snapshot, "jobs.batch")) {
    if (isOfTheMinute(object)) continue;
    const { spec, status } = object;
    const over = status?.conditions?.some((c) => (c.type === "Complete" || c.type === "Failed") && c.status === "True");
    const still = spec.suspend || (object.metadata.name === "long" && status?.active === 2 && status.ready === 2);
    expect(object, "is neither over nor still", over || still);
    expect(object, `${owned(object).length} pods are active`, owned(object).length === (over || spec.suspend ? 0 : 2));
  }
  for (const pod of pods)
    if (controllerOf(pod)?.kind === "Job" && !isOfTheMinute(pod)) expect(pod, "keeps its finalizer", !isOver(pod) || !pod.metadata.finalizers?.length);
  expectEndpoints(snapshot, alive, expect);
  for (const object of of<PodDisruptionBudget>(snapshot, "poddisruptionbudgets.policy")) {
    const selected = alive.filter((pod) => pod.metadata.namespace === object.metadata.namespace && matches(object.spec.selector?.matchLabels, pod));
    expect(object, "is not observed", object.status?.observedGeneration === object.metadata.generation);
    expect(
      object,
      `counts ${object.status?.expectedPods} pods`,
      object.status?.expectedPods === selected.length && object.status.currentHealthy === selected.length,
    );
  }
  for (const object of of<VolumeAttachment>(snapshot, "volumeattachments.storage.k8s.io")) expect(object, "is not attached", object.status?.attached);
  for (const object of of<HorizontalPodAutoscaler>(snapshot, "horizontalpodautoscalers.autoscaling"))
    expect(object, "has not looked yet", object.status?.currentReplicas);
  for (const object of of<Namespace>(snapshot, "namespaces.")) {
    const here = (candidate: KubeObject): boolean => candidate.metadata.namespace === object.metadata.name;
    expect(
      object,
      "has no default service account",
      of<ServiceAccount>(snapshot, "serviceaccounts.").some((one) => here(one) && one.metadata.name === "default"),
    );
    expect(
      object,
      "has no kube-root-ca.crt",
      of<ConfigMap>(snapshot, "configmaps.").some((one) => here(one) && one.metadata.name === "kube-root-ca.crt"),
    );
  }
  for (const object of of<ControllerRevision>(snapshot, "controllerrevisions.apps")) expect(object, "belongs to nobody", controllerOf(object));
  return lines;
}

/** Deployments that are done and name another ReplicaSet than that of their revision. */
export function misnamed(snapshot: Snapshot): string[] {
  const revision = "deployment.kubernetes.io/revision";
  const sets = of<ReplicaSet>(snapshot, "replicasets.apps");
  return of<Deployment>(snapshot, "deployments.apps").flatMap(({ metadata, status }) => {
    const told = status?.conditions?.find(({ type, reason }) => type === "Progressing" && reason === "NewReplicaSetAvailable");
    const current = sets.find((set) => controllerOf(set)?.uid === metadata.uid && set.metadata.annotations?.[revision] === metadata.annotations?.[revision]);
    const wanted = `ReplicaSet "${current?.metadata.name}" has successfully progressed.`;
    return told && told.message !== wanted ? [`${metadata.name} says ${told.message}, not ${wanted}`] : [];
  });
}

const matches = (labels: Record<string, string> | undefined, pod: Pod): boolean =>
  Object.entries(labels ?? {}).every(([key, value]) => pod.metadata.labels?.[key] === value);

function expectEndpoints(snapshot: Snapshot, alive: readonly Pod[], expect: (object: KubeObject, what: string, ok: unknown) => void): void {
  const slices = of<EndpointSlice>(snapshot, "endpointslices.discovery.k8s.io");
  const endpoints = of<Endpoints>(snapshot, "endpoints.");
  for (const object of of<Service>(snapshot, "services.")) {
    const { namespace, name } = object.metadata;
    if (!object.spec.selector || object.spec.type === "ExternalName") continue;
    const selected = alive.filter((pod) => pod.metadata.namespace === namespace && matches(object.spec.selector, pod)).map((pod) => pod.metadata.uid);
    const inSlices = slices
      .filter((slice) => slice.metadata.namespace === namespace && controllerOf(slice)?.uid === object.metadata.uid)
      .flatMap((slice) => slice.endpoints ?? [])
      .map((endpoint) => endpoint.targetRef?.uid);
    expect(object, `its slices have ${inSlices.length} pods of ${selected.length}`, same(inSlices, selected));
    const own = endpoints.find((one) => one.metadata.namespace === namespace && one.metadata.name === name);
    const addresses = (own?.subsets ?? []).flatMap((subset) => [...(subset.addresses ?? []), ...(subset.notReadyAddresses ?? [])]);
    const distinct = [...new Set(addresses.map((address) => address.targetRef?.uid))];
    expect(object, `its Endpoints have ${distinct.length} pods of ${selected.length}`, own && same(distinct, selected));
  }
  for (const slice of slices) {
    const service = slice.metadata.labels?.["kubernetes.io/service-name"];
    expect(slice, `its Service ${service} is gone`, snapshot.has(`services. ${slice.metadata.namespace}/${service}`));
  }
}

const same = (a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean => a.toSorted().join() === b.toSorted().join();
