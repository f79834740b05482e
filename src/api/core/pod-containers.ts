/** All containers of a pod, in the order in which upstream visits them. */
import type { Path } from "../field.ts";
import type { Container, PodSpec } from "../types/core-v1.gen.ts";

type Spec = Pick<PodSpec, "initContainers" | "containers" | "ephemeralContainers">;

/** Init containers, containers, ephemeral containers. */
export function containersOf({ initContainers, containers, ephemeralContainers }: Spec): readonly Container[] {
  if (!initContainers?.length && !ephemeralContainers?.length) return containers ?? [];
  return [...(initContainers ?? []), ...(containers ?? []), ...(ephemeralContainers ?? [])];
}

export function visitContainers(spec: Spec, specPath: Path, visit: (container: Container, at: Path) => void): void {
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    const containers = spec[list];
    if (!containers?.length) continue;
    const at = specPath.child(list);
    for (let i = 0; i < containers.length; i++) visit(containers[i] as Container, at.index(i));
  }
}
