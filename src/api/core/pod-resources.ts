/**
 * What a pod asks for and may use: containers run together, init containers one after another, restartable init
 * containers (sidecars) beside everything after them (k8s.io/component-helpers/resource, KEP-753, KEP-2837, KEP-1287).
 */
import type { Container, ContainerStatus, PodSpec, PodStatus } from "../types/core-v1.gen.ts";
import { addQuantities, compareQuantities, isZeroQuantity, type ResourceList } from "./resource-list.ts";
import { own } from "../../base/table.ts";

export interface PodResourcesOptions {
  /** Where given, what the kubelet has allocated and applied counts too (a pod may be in the middle of a resize). */
  status?: PodStatus;
  excludeOverhead?: boolean;
  /** Containers only, without what `spec.resources` says. */
  skipPodLevel?: boolean;
  /** Assumed for what a container does not request. */
  missingRequests?: ResourceList;
}

type Spec = Pick<PodSpec, "containers" | "initContainers" | "resources" | "overhead">;
const podLevel = new Set(["cpu", "memory"]);

export const isSupportedPodLevelResource = (name: string): boolean => podLevel.has(name) || name.startsWith("hugepages-");
const hasPodLevel = (list: ResourceList | undefined): boolean => Object.keys(list ?? {}).some(isSupportedPodLevelResource);
export const isPodLevelResourcesSet = (spec: Pick<PodSpec, "resources">): boolean =>
  hasPodLevel(spec.resources?.requests) || hasPodLevel(spec.resources?.limits);
export const isSidecar = (container: Pick<Container, "restartPolicy">): boolean => container.restartPolicy === "Always";

function addInto(sum: ResourceList, list: ResourceList | undefined): void {
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const before = own(sum, name);
    sum[name] = before === undefined ? quantity : addQuantities(before, quantity);
  }
}

function maxInto(max: ResourceList, list: ResourceList | undefined): void {
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const before = own(max, name);
    if (before === undefined || compareQuantities(quantity, before) > 0) max[name] = quantity;
  }
}

function maxOf(...lists: (ResourceList | undefined)[]): ResourceList {
  const max: ResourceList = {};
  for (const list of lists) maxInto(max, list);
  return max;
}

const resizeInfeasible = (status: PodStatus): boolean =>
  (status.conditions ?? []).find((condition) => condition.type === "PodResizePending")?.reason === "Infeasible";

function aggregate(spec: Spec, of: (container: Container, init: boolean) => ResourceList | undefined): ResourceList {
  const total: ResourceList = {};
  for (const container of spec.containers ?? []) addInto(total, of(container, false));
  const sidecars: ResourceList = {};
  const initial: ResourceList = {};
  for (const container of spec.initContainers ?? []) {
    const own = of(container, true);
    if (isSidecar(container)) {
      addInto(total, own);
      addInto(sidecars, own);
      maxInto(initial, sidecars);
    } else {
      const alone = { ...own };
      addInto(alone, sidecars);
      maxInto(initial, alone);
    }
  }
  maxInto(total, initial);
  return total;
}

function statusByName(status: PodStatus | undefined): Map<string, ContainerStatus> {
  return new Map([...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].map((s) => [s.name, s]));
}

/** Effective requests of all containers. */
export function aggregateContainerRequests(spec: Spec, options: PodResourcesOptions = {}): ResourceList {
  const statuses = statusByName(options.status);
  return aggregate(spec, (container, init) => {
    let own = container.resources?.requests;
    const status = statuses.get(container.name);
    if (status?.resources && options.status && (!init || isSidecar(container))) {
      const applied = [status.resources.requests, status.allocatedResources];
      own = resizeInfeasible(options.status) ? maxOf(...applied) : maxOf(own, ...applied);
    }
    return options.missingRequests ? { ...options.missingRequests, ...own } : own;
  });
}

/** Effective limits of all containers. */
export function aggregateContainerLimits(spec: Spec, options: PodResourcesOptions = {}): ResourceList {
  const statuses = statusByName(options.status);
  return aggregate(spec, (container, init) => {
    const own = container.resources?.limits;
    const status = statuses.get(container.name);
    if (!status?.resources || !options.status || (init && !isSidecar(container))) return own;
    return resizeInfeasible(options.status) ? status.resources.limits : maxOf(own, status.resources.limits);
  });
}

/** What the scheduler reserves for the pod: pod-level requests win over the containers', overhead comes on top. */
export function podRequests(spec: Spec, options: PodResourcesOptions = {}): ResourceList {
  const requests = aggregateContainerRequests(spec, options);
  if (!options.skipPodLevel && hasPodLevel(spec.resources?.requests)) {
    const own = spec.resources!.requests!;
    const status = options.status;
    const applied = status?.resources ? [status.resources.requests, status.allocatedResources] : undefined;
    const effective = applied && status ? (resizeInfeasible(status) ? maxOf(...applied) : maxOf(own, ...applied)) : own;
    for (const name of Object.keys(own)) if (isSupportedPodLevelResource(name)) requests[name] = effective[name] ?? "0";
  }
  if (!options.excludeOverhead) addInto(requests, spec.overhead);
  return requests;
}

/** What the pod may use; overhead raises only limits that are set. */
export function podLimits(spec: Spec, options: PodResourcesOptions = {}): ResourceList {
  const limits = aggregateContainerLimits(spec, options);
  if (!options.skipPodLevel && isPodLevelResourcesSet(spec)) {
    const own = spec.resources!.limits ?? {};
    const status = options.status;
    const applied = status?.resources?.limits;
    const effective = status?.resources ? (resizeInfeasible(status) ? (applied ?? {}) : maxOf(own, applied)) : own;
    for (const name of Object.keys(own)) if (isSupportedPodLevelResource(name)) limits[name] = effective[name] ?? "0";
  }
  if (!options.excludeOverhead) {
    for (const [name, quantity] of Object.entries(spec.overhead ?? {})) {
      if (limits[name] !== undefined && !isZeroQuantity(limits[name])) limits[name] = addQuantities(limits[name], quantity);
    }
  }
  return limits;
}
