/** What a resize that was allocated asks of containers that run (upstream's kuberuntime computePodResizeAction). Pure. */
import type { Container, Pod, ResourceRequirements } from "../../api/types/core-v1.gen.ts";
import type { ContainerRecord } from "../runtime-pod.ts";
import { type Allocation, quantity, type Resizable, sameResource } from "./allocation.ts";

export interface ContainerUpdate {
  container: Container;
  record: ContainerRecord;
}
export interface ResizePlan {
  /** In the order in which they are made: what shrinks before what grows. */
  cpu: ContainerUpdate[];
  memory: ContainerUpdate[];
  /** The pod's own cgroup has to be looked at though no container is updated. */
  pod: boolean;
}

export const noResize = (): ResizePlan => ({ cpu: [], memory: [], pod: false });
export const resizes = (plan: ResizePlan): boolean => plan.pod || plan.cpu.length > 0 || plan.memory.length > 0;

/** A limit that a container has none of is the pod's. */
const limitOf = (pod: ResourceRequirements | undefined, own: ResourceRequirements | undefined, name: Resizable): number =>
  quantity(own, "limits", name) || quantity(pod, "limits", name);

/**
 * Adds what the running container needs to the plan; "restart" when its policy wants it made anew for that. A container of
 * which nothing was recorded was made by somebody else, with what it was given.
 */
export function planContainer(pod: Pod, container: Container, record: ContainerRecord, actuated: Allocation, plan: ResizePlan): "keep" | "restart" {
  const before = actuated.containers[container.name];
  if (!before) return "keep";
  const changes: [Resizable, number][] = [];
  for (const name of ["memory", "cpu"] as const) {
    const limit = limitOf(pod.spec.resources, container.resources, name) - limitOf(actuated.pod, before, name);
    const request = quantity(container.resources, "requests", name) - quantity(before, "requests", name);
    if (limit || request) changes.push([name, limit || request]);
  }
  const restarts = (name: Resizable): boolean => container.resizePolicy?.find((p) => p.resourceName === name)?.restartPolicy === "RestartContainer";
  if (changes.some(([name]) => restarts(name))) {
    plan.pod = true;
    return "restart";
  }
  for (const [name, difference] of changes) {
    if (difference > 0) plan[name].push({ container, record });
    else plan[name].unshift({ container, record });
  }
  return "keep";
}

const differs = (wanted: ResourceRequirements | undefined, actuated: ResourceRequirements | undefined): boolean =>
  actuated !== undefined && !(sameResource(wanted, actuated, "cpu") && sameResource(wanted, actuated, "memory"));

/** Whether the resources of the pod as a whole are still to be applied. */
export const podDiffers = (pod: Pod, actuated: Allocation): boolean => differs(pod.spec.resources, actuated.pod);

/** Whether the container is to be made with other resources than it last had. */
export const containerDiffers = (container: Container, actuated: Allocation): boolean => differs(container.resources, actuated.containers[container.name]);

/** Whether anything that runs has other resources than were allocated. */
export function inProgress(pod: Pod, actuated: Allocation, isRunning: (container: string) => boolean): boolean {
  return (
    podDiffers(pod, actuated) || [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some((c) => isRunning(c.name) && containerDiffers(c, actuated))
  );
}
