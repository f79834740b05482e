/**
 * What an object counts against quotas, and which quotas concern it (pkg/quota/v1/evaluator/core,
 * k8s.io/apiserver/pkg/quota/v1). Pure: admission charges by it and the controller recounts by it.
 */
import { isPodLevelResourcesSet, podLimits, podRequests } from "../core/pod-resources.ts";
import { podQos } from "../core/pod-qos.ts";
import { isPodTerminal } from "../core/pod-status.ts";
import { addQuantities, canonicalQuantity, compareQuantities, type ResourceList } from "../core/resource-list.ts";
import type { KubeObject } from "../object.ts";
import { parseQuantity } from "../quantity.ts";
import { mayBeDevices } from "../resource/extended-resource.ts";
import type { QuotaEvaluator, QuotaSurroundings } from "./evaluator.ts";
import { claimEvaluator, isExtendedQuota } from "./resource-claims.ts";
import type {
  Container,
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
  Service,
} from "../types/core-v1.gen.ts";

/** For a groupResource; kinds without rules of their own are counted. */
export function quotaEvaluator(resource: string, around: QuotaSurroundings): QuotaEvaluator {
  const own = resource === deviceClaims ? claimEvaluator(around, pods.usage as (pod: Pod, now: number) => ResourceList) : withRules.get(resource);
  if (own) return own;
  const names = [`count/${resource}`, ...(counted.has(resource) ? [resource] : [])];
  return {
    matching: (given) => given.filter((name) => names.includes(name)),
    usage: () => Object.fromEntries(names.map((name) => [name, "1"])),
    matchesScope: () => false,
    missing: () => undefined,
  };
}

/** The groupResources whose objects count against a name of `spec.hard`; none for a name that nothing counts. */
export function countedBy(name: string, around: QuotaSurroundings): string[] {
  if (name.startsWith("count/")) return [name.slice("count/".length)];
  const resources = [...withRules.keys(), deviceClaims].filter((resource) => quotaEvaluator(resource, around).matching([name]).length);
  return resources.length || !counted.has(name) ? resources : [name];
}

const counted = new Set(["configmaps", "resourcequotas", "replicationcontrollers", "secrets"]);

export const scopesOf = ({ spec }: ResourceQuota): ScopedResourceSelectorRequirement[] => [
  ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
  ...(spec.scopeSelector?.matchExpressions ?? []),
];

/** Whether the quota bounds anything of this object. */
export function quotaMatches(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  return evaluator.matching(Object.keys(quota.status?.hard ?? {})).length > 0 && scopesOf(quota).every((scope) => evaluator.matchesScope(scope, object));
}

/** A scope selector over the values an object has for the scope. */
function selects({ operator, values }: ScopedResourceSelectorRequirement, actual: readonly string[]): boolean {
  const hit = (value: string): boolean => values?.includes(value) ?? false;
  if (operator === "Exists") return actual.length > 0;
  if (operator === "DoesNotExist") return actual.length === 0;
  if (operator === "In") return actual.some(hit);
  return actual.length === 0 || actual.some((value) => !hit(value));
}

const podNames = new Set(
  "count/pods cpu memory ephemeral-storage requests.cpu requests.memory requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage pods".split(
    " ",
  ),
);
const mustBeSet = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

function containerUsage(requests: ResourceList = {}, limits: ResourceList = {}): ResourceList {
  const result: ResourceList = { pods: "1" };
  for (const name of ["cpu", "memory", "ephemeral-storage"]) {
    if (requests[name] !== undefined) result[name] = result[`requests.${name}`] = requests[name];
    if (limits[name] !== undefined) result[`limits.${name}`] = limits[name];
  }
  for (const [name, quantity] of Object.entries(requests)) {
    if (name.startsWith("hugepages-")) result[name] = result[`requests.${name}`] = quantity;
    else if (mayBeDevices(name)) result[`requests.${name}`] = quantity;
  }
  return result;
}

/** Whether a pod still takes resources: not once it has ended, or is past its grace period. */
export function takesFromQuota(pod: Pod, now: number): boolean {
  if (isPodTerminal(pod)) return false;
  const { deletionTimestamp: deleted, deletionGracePeriodSeconds: grace } = pod.metadata;
  return deleted === undefined || grace === undefined || now <= Date.parse(deleted) + grace * 1000;
}

export const isTerminatingPod = ({ spec }: Pod): boolean => (spec.activeDeadlineSeconds ?? -1) >= 0;

function crossesNamespaces({ spec }: Pod): boolean {
  return [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity].some((affinity) => {
    const terms: PodAffinityTerm[] = [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
    ];
    return terms.some((term) => term.namespaces?.length || term.namespaceSelector !== undefined);
  });
}

const pods: QuotaEvaluator = {
  matching: (names) =>
    names.filter((name) => podNames.has(name) || name.startsWith("hugepages-") || name.startsWith("requests.hugepages-") || isExtendedQuota(name)),
  usage(object, now) {
    const pod = object as Pod;
    const count = { "count/pods": "1" };
    if (!takesFromQuota(pod, now)) return count;
    const options = pod.status ? { status: pod.status } : {};
    return { ...count, ...containerUsage(podRequests(pod.spec, options), podLimits(pod.spec, options)) };
  },
  matchesScope(selector, object) {
    const pod = object as Pod;
    switch (selector.scopeName) {
      case "Terminating":
        return isTerminatingPod(pod);
      case "NotTerminating":
        return !isTerminatingPod(pod);
      case "BestEffort":
        return podQos(pod) === "BestEffort";
      case "NotBestEffort":
        return podQos(pod) !== "BestEffort";
      case "PriorityClass":
        return selects(selector, pod.spec.priorityClassName ? [pod.spec.priorityClassName] : []);
      case "CrossNamespacePodAffinity":
        return crossesNamespaces(pod);
      default:
        return false;
    }
  },
  missing(required, object) {
    const { spec } = object as Pod;
    if (isPodLevelResourcesSet(spec)) return undefined;
    const lacking = new Map<string, Set<string>>();
    const containers: Container[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
    for (const { name, resources } of containers) {
      const given = containerUsage(resources?.requests, resources?.limits);
      for (const resource of required.filter((r) => mustBeSet.has(r) && given[r] === undefined)) {
        lacking.set(resource, (lacking.get(resource) ?? new Set()).add(name));
      }
    }
    if (!lacking.size) return undefined;
    const parts = [...lacking].sort(([a], [b]) => (a < b ? -1 : 1)).map(([resource, names]) => `${resource} for: ${[...names].sort().join(",")}`);
    return `must specify ${parts.join("; ")}`;
  },
};

const serviceNames = new Set(["count/services", "services", "services.nodeports", "services.loadbalancers"]);
const services: QuotaEvaluator = {
  matching: (names) => names.filter((name) => serviceNames.has(name)),
  usage(object) {
    const { spec } = object as Service;
    const ports = spec.ports ?? [];
    const balanced = spec.type === "LoadBalancer";
    const own = balanced && spec.allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort).length : ports.length;
    const nodePorts = balanced || spec.type === "NodePort" ? own : 0;
    return { "count/services": "1", services: "1", "services.nodeports": String(nodePorts), "services.loadbalancers": balanced ? "1" : "0" };
  },
  matchesScope: () => false,
  missing: () => undefined,
};

const byClass = ".storageclass.storage.k8s.io/";
const claimNames = ["persistentvolumeclaims", "requests.storage"];
const claims: QuotaEvaluator = {
  matching: (names) =>
    names.filter((name) => name === "count/persistentvolumeclaims" || claimNames.some((claimName) => name === claimName || name.endsWith(byClass + claimName))),
  usage(object) {
    const { metadata, spec, status } = object as PersistentVolumeClaim;
    const result: ResourceList = { persistentvolumeclaims: "1", "count/persistentvolumeclaims": "1" };
    const storageClass = metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName;
    if (storageClass) result[`${storageClass}${byClass}persistentvolumeclaims`] = "1";
    const asked = spec.resources?.requests?.storage;
    if (asked === undefined) return result;
    const allocated = status?.allocatedResources?.storage;
    const size = parseQuantity(allocated !== undefined && compareQuantities(allocated, asked) > 0 ? allocated : asked)
      .roundUp(0)
      .toString();
    result["requests.storage"] = size;
    if (storageClass) result[`${storageClass}${byClass}requests.storage`] = size;
    return result;
  },
  matchesScope(selector, object) {
    if (selector.scopeName !== "VolumeAttributesClass") return false;
    const { spec, status } = object as PersistentVolumeClaim;
    const names = [spec.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
    return selects(
      selector,
      names.filter((name): name is string => !!name),
    );
  },
  missing: () => undefined,
};

const deviceClaims = "resourceclaims.resource.k8s.io";
const withRules: ReadonlyMap<string, QuotaEvaluator> = new Map([
  ["pods", pods],
  ["services", services],
  ["persistentvolumeclaims", claims],
]);

/** Sum of what the objects of a kind take, for the names of `spec.hard` that it counts against; zero where they take nothing. */
export function totalUsage(quota: ResourceQuota, evaluator: QuotaEvaluator, objects: Iterable<KubeObject>, now: number): ResourceList {
  const names = evaluator.matching(Object.keys(quota.spec?.hard ?? {}));
  const total: ResourceList = Object.fromEntries(names.map((name) => [name, "0"]));
  const scopes = scopesOf(quota);
  for (const object of objects) {
    if (!scopes.every((scope) => evaluator.matchesScope(scope, object))) continue;
    const usage = evaluator.usage(object, now);
    for (const name of names) {
      const [sum, more] = [total[name] as string, usage[name]];
      // Zero has no format of its own.
      if (more !== undefined) total[name] = sum === "0" ? canonicalQuantity(more) : addQuantities(sum, more);
    }
  }
  return total;
}

/** Sum of both lists. */
export function addUsage(a: ResourceList, b: ResourceList): ResourceList {
  const sum = { ...a };
  for (const [name, quantity] of Object.entries(b)) sum[name] = sum[name] === undefined ? quantity : addQuantities(sum[name], quantity);
  return sum;
}

/** `a` without `b`, nowhere less than zero. */
export function subtractUsage(a: ResourceList, b: ResourceList): ResourceList {
  const rest: ResourceList = {};
  for (const [name, quantity] of Object.entries(a)) {
    const difference = b[name] === undefined ? parseQuantity(quantity) : parseQuantity(quantity).sub(parseQuantity(b[name]));
    rest[name] = difference.sign() < 0 ? "0" : difference.toString();
  }
  return rest;
}
