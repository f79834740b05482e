/**
 * Which resources a pod was given, as opposed to what its spec asks for since (KEP-1287; upstream's pkg/kubelet/allocation).
 * Pure.
 */
import { quantityToMilli } from "../../api/quantity.ts";
import type { Container, Pod, ResourceRequirements } from "../../api/types/core-v1.gen.ts";
import { sameJSON } from "../status-merge.ts";

export interface Allocation {
  /** Of the pod as a whole. */
  pod?: ResourceRequirements;
  /** By name, of regular and of init containers. */
  containers: Record<string, ResourceRequirements>;
}
export type Resizable = "cpu" | "memory";

const resizableContainers = (pod: Pod): Container[] => [...(pod.spec.initContainers ?? []), ...pod.spec.containers];

export function allocationOf(pod: Pod): Allocation {
  const containers = Object.fromEntries(resizableContainers(pod).map((c) => [c.name, c.resources ?? {}]));
  return { ...(pod.spec.resources ? { pod: pod.spec.resources } : {}), containers };
}

/** Whether there is anything that can be resized. */
export const hasResources = ({ pod, containers }: Allocation): boolean =>
  [pod, ...Object.values(containers)].some((one) =>
    (["cpu", "memory"] as const).some((name) => quantity(one, "requests", name) > 0 || quantity(one, "limits", name) > 0),
  );

/** The pod with these resources; the same object when it asks for nothing else. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  const own = (c: Container): ResourceRequirements => allocation.containers[c.name] ?? c.resources ?? {};
  if (sameJSON(pod.spec.resources, allocation.pod) && resizableContainers(pod).every((c) => sameJSON(c.resources ?? {}, own(c)))) return pod;
  const given = (c: Container): Container => ({ ...c, resources: own(c) });
  const { resources: _, ...spec } = pod.spec;
  return {
    ...pod,
    spec: {
      ...spec,
      ...(allocation.pod ? { resources: allocation.pod } : {}),
      containers: spec.containers.map(given),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(given) } : {}),
    },
  };
}

/** `from`, with requests and limits of one resource as in `to`. */
export function withResource(from: ResourceRequirements, to: ResourceRequirements, name: Resizable): ResourceRequirements {
  const part = (kind: "requests" | "limits"): Record<string, string> | undefined => {
    const { [name]: _, ...rest } = (from[kind] ?? {}) as Record<string, string>;
    const value = (to[kind] as Record<string, string> | undefined)?.[name];
    const merged = value === undefined ? rest : { ...rest, [name]: value };
    return Object.keys(merged).length ? merged : undefined;
  };
  const [requests, limits] = [part("requests"), part("limits")];
  return { ...from, ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
}

/** Whether requests and limits of the resource are the same amounts. */
export function sameResource(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined, name: Resizable): boolean {
  return quantity(a, "requests", name) === quantity(b, "requests", name) && quantity(a, "limits", name) === quantity(b, "limits", name);
}

/** In thousandths; 0 for none. */
export const quantity = (resources: ResourceRequirements | undefined, kind: "requests" | "limits", name: Resizable): number =>
  quantityToMilli((resources?.[kind] as Record<string, string> | undefined)?.[name] ?? 0);
