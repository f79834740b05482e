/** Resizes that this node never grants (pkg/kubelet/allocation/handlers.go). Pure. */
import { parseQuantity } from "../../api/quantity.ts";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { KubeletConfig } from "../config.ts";
import { qosClass } from "../pod.ts";

const containersOf = (pod: Pod): Container[] => [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];

function changes(given: Pod, desired: Pod, resource: string): boolean {
  const before = new Map(containersOf(given).map((c) => [c.name, c.resources?.requests?.[resource]]));
  return containersOf(desired).some((c) => {
    const [old, wanted] = [before.get(c.name) ?? 0, c.resources?.requests?.[resource] ?? 0];
    return parseQuantity(String(old)).cmp(parseQuantity(String(wanted))) !== 0;
  });
}

/** Why, in upstream's words. Processors and memory that are a container's own stay what they were when it was taken in. */
export function infeasibleResize(given: Pod, desired: Pod, config: Pick<KubeletConfig, "cpuManagerPolicy" | "memoryManagerPolicy">): string | undefined {
  if ((desired.status?.qosClass ?? qosClass(desired)) !== "Guaranteed") return undefined;
  if (config.cpuManagerPolicy === "static" && changes(given, desired, "cpu"))
    return 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"';
  if (config.memoryManagerPolicy === "Static" && changes(given, desired, "memory"))
    return 'Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"';
  return undefined;
}
