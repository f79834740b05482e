/** Carries out a resize: the pod's cgroup and its running containers (upstream's kuberuntime doPodResizeAction). */
import type { Pod, ResourceRequirements } from "../../api/types/core-v1.gen.ts";
import type { CriClient } from "../../cri/client.ts";
import type { Cgroups, CgroupValues } from "../../linux/cgroups.ts";
import { containerResources, podCgroup, podCgroupPath, type ResourceLimits } from "../resources.ts";
import { type Allocation, quantity, type Resizable, withResource } from "./allocation.ts";
import type { ContainerUpdate, ResizePlan } from "./plan.ts";

export interface ResizeContext {
  cri: CriClient;
  cgroups: Cgroups;
  cgroupRoot: string;
  limits: ResourceLimits;
  /** Told after each step, with what is in force since. */
  onActuated(actuated: Allocation): void;
}

/**
 * Limits grow from the pod inwards and shrink from the containers outwards, so that none is ever above the one around it.
 * Rejects at the first step that fails; what was done until then has been told.
 */
export async function applyResize(context: ResizeContext, pod: Pod, plan: ResizePlan, actuated: Allocation): Promise<void> {
  const { cgroups, limits } = context;
  const path = podCgroupPath(pod, context.cgroupRoot);
  const now = cgroups.read(path);
  const wanted: CgroupValues = podCgroup(pod, limits.cfsQuota, limits.cfsPeriod);
  checkUsage(context, path, plan, actuated, now, wanted);
  let current = actuated;
  const whole = (name: Resizable): void => {
    current = { ...current, pod: withResource(current.pod ?? {}, pod.spec.resources ?? {}, name) };
    context.onActuated(current);
  };
  const containers = async (name: Resizable): Promise<void> => {
    for (const update of plan[name]) current = await updateContainer(context, pod, update, current, name);
  };
  if (plan.memory.length || plan.pod) {
    // A limit that is wanted no more stays: it cannot be taken away in place.
    const memory = wanted.memory || now.memory || 0;
    if (above(memory, now.memory)) cgroups.update(path, { memory });
    await containers("memory");
    if (above(now.memory, memory)) cgroups.update(path, { memory });
    whole("memory");
  }
  if (plan.cpu.length || plan.pod) {
    const cpuQuota = wanted.cpuQuota || now.cpuQuota || 0;
    const period = wanted.cpuPeriod ?? now.cpuPeriod ?? limits.cfsPeriod;
    const shares = wanted.cpuShares ?? 0;
    const had = now.cpuShares ?? 0;
    if (above(cpuQuota, now.cpuQuota)) cgroups.update(path, { cpuQuota, cpuPeriod: period });
    if (shares > had) cgroups.update(path, { cpuShares: shares });
    await containers("cpu");
    if (shares < had) cgroups.update(path, { cpuShares: shares });
    if (above(now.cpuQuota, cpuQuota)) cgroups.update(path, { cpuQuota, cpuPeriod: period });
    whole("cpu");
  }
}

/** Whether the one limit allows more than the other; none allows everything. */
const above = (a: number | undefined, b: number | undefined): boolean => (a || Number.POSITIVE_INFINITY) > (b || Number.POSITIVE_INFINITY);

async function updateContainer(
  context: ResizeContext,
  pod: Pod,
  { container, record }: ContainerUpdate,
  actuated: Allocation,
  name: Resizable,
): Promise<Allocation> {
  const resources: ResourceRequirements = withResource(actuated.containers[container.name] ?? {}, container.resources ?? {}, name);
  await context.cri.call("UpdateContainerResources", { containerId: record.id, linux: containerResources(pod, { ...container, resources }, context.limits) });
  const current = { ...actuated, containers: { ...actuated.containers, [container.name]: resources } };
  context.onActuated(current);
  return current;
}

/** Throws when a limit of memory would fall below what is used: the kernel would kill for it. */
function checkUsage(context: ResizeContext, path: string, plan: ResizePlan, actuated: Allocation, now: CgroupValues, wanted: CgroupValues): void {
  const problems: string[] = [];
  const check = (what: string, limit: number, group: string): void => {
    const used = context.cgroups.memoryUsage(group);
    if (used !== undefined && used >= limit) problems.push(`attempting to set ${what} memory limit (${limit}) below current usage (${used})`);
  };
  if ((plan.memory.length || plan.pod) && wanted.memory && above(now.memory, wanted.memory)) check("pod", wanted.memory, path);
  for (const { container, record } of plan.memory) {
    const limit = quantity(container.resources, "limits", "memory") / 1000;
    if (limit && above(quantity(actuated.containers[container.name], "limits", "memory") / 1000, limit))
      check(`container ${JSON.stringify(container.name)}`, limit, `${path}/${record.id}`);
  }
  const told = problems.length > 1 ? `[${problems.join(", ")}]` : problems[0];
  if (told) throw new Error(`cannot decrease memory limits: ${told}`);
}
