/**
 * What an object takes from a ResourceQuota, and which objects a quota is about
 * (k8s.io/kubernetes/pkg/quota/v1/evaluator/core). Pure; for the controller that counts and the admission that refuses.
 */
import { LabelSelector } from "../selectors/labels.ts";
import type { KubeObject } from "../object.ts";
import { parseTime } from "../time.ts";
import type { PersistentVolumeClaim, Pod, PodAffinityTerm, ResourceQuota, ScopedResourceSelectorRequirement, Service } from "../types/core-v1.gen.ts";
import { isPodTerminal } from "./pod-status.ts";
import { podQos } from "./pod-qos.ts";
import { podLimits, podRequests } from "./pod-resources.ts";
import { addQuantities, canonicalQuantity, type ResourceList } from "./resource-list.ts";
import { isExtendedResource, isHugePages } from "./resource-names.ts";

export interface GroupResource {
  group: string;
  resource: string;
}

/** Core kinds that a quota may also name without `count/`. */
const named = new Set(["pods", "services", "secrets", "configmaps", "replicationcontrollers", "resourcequotas", "persistentvolumeclaims"]);
const compute = ["cpu", "memory", "ephemeral-storage"];
const classSuffix = ".storageclass.storage.k8s.io/";

export const countName = ({ group, resource }: GroupResource): string => `count/${resource}${group ? `.${group}` : ""}`;

/** The resource whose objects a name of `spec.hard` counts; undefined for a name that nothing counts. */
export function countedBy(name: string): GroupResource | undefined {
  if (name.startsWith("count/")) {
    const text = name.slice("count/".length);
    const dot = text.indexOf(".");
    return dot < 0 ? { group: "", resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
  }
  if (named.has(name)) return { group: "", resource: name };
  if (name === "services.nodeports" || name === "services.loadbalancers") return { group: "", resource: "services" };
  if (name === "requests.storage" || name.includes(classSuffix)) return { group: "", resource: "persistentvolumeclaims" };
  const bare = name.replace(/^(requests|limits)\./, "");
  if (compute.includes(bare) || isHugePages(bare) || (name.startsWith("requests.") && isExtendedResource(bare))) return { group: "", resource: "pods" };
  return undefined;
}

/** By quota name. `now` in milliseconds since the epoch: a pod past its grace period takes nothing but its count. */
export function quotaUsage(kind: GroupResource, object: KubeObject, now: number): ResourceList {
  const usage: ResourceList = { [countName(kind)]: "1" };
  if (kind.group !== "") return usage;
  if (kind.resource === "pods") return { ...usage, ...podUsage(object as Pod, now) };
  if (named.has(kind.resource)) usage[kind.resource] = "1";
  if (kind.resource === "services") return { ...usage, ...serviceUsage(object as Service) };
  if (kind.resource === "persistentvolumeclaims") return { ...usage, ...claimUsage(object as PersistentVolumeClaim) };
  return usage;
}

/** Neither over nor past its grace period. */
export function takesFromQuota(pod: Pod, now: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const isPast = deletionTimestamp && deletionGracePeriodSeconds !== undefined && now > parseTime(deletionTimestamp);
  return !isPodTerminal(pod) && !isPast;
}

function podUsage(pod: Pod, now: number): ResourceList {
  if (!takesFromQuota(pod, now)) return {};
  const usage: ResourceList = { pods: "1" };
  for (const [name, quantity] of Object.entries(podRequests(pod.spec, { status: pod.status }) as ResourceList)) {
    if (compute.includes(name) || isHugePages(name)) usage[name] = quantity;
    if (compute.includes(name) || isHugePages(name) || isExtendedResource(name)) usage[`requests.${name}`] = quantity;
  }
  for (const [name, quantity] of Object.entries(podLimits(pod.spec, { status: pod.status }) as ResourceList))
    if (compute.includes(name)) usage[`limits.${name}`] = quantity;
  return usage;
}

function serviceUsage({ spec: { type, ports = [], allocateLoadBalancerNodePorts } }: Service): ResourceList {
  const allocated = ports.filter((p) => p.nodePort).length;
  if (type === "NodePort") return { "services.nodeports": String(ports.length), "services.loadbalancers": "0" };
  if (type !== "LoadBalancer") return { "services.nodeports": "0", "services.loadbalancers": "0" };
  return { "services.loadbalancers": "1", "services.nodeports": String(allocateLoadBalancerNodePorts === false ? allocated : ports.length) };
}

function claimUsage({ spec, status, metadata }: PersistentVolumeClaim): ResourceList {
  const usage: ResourceList = {};
  const [requested, allocated] = [spec.resources?.requests?.storage, status?.allocatedResources?.storage];
  const storage = requested === undefined ? undefined : canonicalQuantity(String(allocated ?? requested));
  if (storage !== undefined) usage["requests.storage"] = storage;
  const storageClass = metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName;
  if (storageClass) {
    usage[`${storageClass}${classSuffix}persistentvolumeclaims`] = "1";
    if (storage !== undefined) usage[`${storageClass}${classSuffix}requests.storage`] = storage;
  }
  return usage;
}

/** Whether the quota is about this object at all. Only pods have scopes. */
export function quotaMatches(quota: ResourceQuota, kind: GroupResource, object: KubeObject): boolean {
  const scopes: ScopedResourceSelectorRequirement[] = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (scopes.length === 0) return true;
  if (kind.group !== "" || kind.resource !== "pods") return false;
  return scopes.every((scope) => podInScope(object as Pod, scope));
}

function podInScope(pod: Pod, { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement): boolean {
  const terminating = (pod.spec.activeDeadlineSeconds ?? -1) >= 0;
  switch (scopeName) {
    case "Terminating":
      return terminating;
    case "NotTerminating":
      return !terminating;
    case "BestEffort":
      return podQos(pod) === "BestEffort";
    case "NotBestEffort":
      return podQos(pod) !== "BestEffort";
    case "CrossNamespacePodAffinity":
      return usesOtherNamespaces(pod);
    case "PriorityClass": {
      const name = pod.spec.priorityClassName;
      const operators = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "!" } as const;
      return new LabelSelector([{ key: scopeName, operator: operators[operator as keyof typeof operators], values }]).matches(
        name ? { [scopeName]: name } : {},
      );
    }
    default:
      return false;
  }
}

function usesOtherNamespaces({ spec: { affinity } }: Pod): boolean {
  const other = (term: PodAffinityTerm): boolean => Boolean(term.namespaces?.length) || term.namespaceSelector !== undefined;
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some(
    (a) =>
      a?.requiredDuringSchedulingIgnoredDuringExecution?.some(other) ||
      a?.preferredDuringSchedulingIgnoredDuringExecution?.some(({ podAffinityTerm }) => other(podAffinityTerm)),
  );
}

/** Sum of what the objects take, for the names of `spec.hard` that `kind` counts; zero where they take nothing. */
export function totalUsage(quota: ResourceQuota, kind: GroupResource, objects: Iterable<KubeObject>, now: number): ResourceList {
  const total: ResourceList = {};
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const counted = countedBy(name);
    if (counted?.resource === kind.resource && counted.group === kind.group) total[name] = "0";
  }
  for (const object of objects) {
    if (!quotaMatches(quota, kind, object)) continue;
    for (const [name, quantity] of Object.entries(quotaUsage(kind, object, now))) {
      const sum = total[name];
      if (sum !== undefined) total[name] = sum === "0" ? canonicalQuantity(String(quantity)) : addQuantities(sum, String(quantity));
    }
  }
  return total;
}
