/** What pods need of their node that not every node can do: nodes declare it (KEP-5328, k8s.io/component-helpers/nodedeclaredfeatures). */
import { deepEqual } from "../copy.ts";
import type { PodSpec } from "../types/core-v1.gen.ts";
import { mayRestartAllContainers } from "./pod-status.ts";

type Spec = Pick<PodSpec, "containers" | "initContainers" | "hostNetwork" | "hostUsers" | "resources">;

interface Feature {
  name: string;
  /** Whether a pod needs it to run. */
  runs?(spec: Spec): boolean;
  /** Whether a pod that runs needs it to become another. */
  becomes?(old: Spec, spec: Spec): boolean;
}

/** In the order of their names. */
const features: readonly Feature[] = [
  { name: "InPlacePodLevelResourcesVerticalScaling", becomes: (old, { resources }) => !deepEqual(old.resources ?? null, resources ?? null) },
  {
    name: "InPlacePodVerticalScalingInitContainers",
    becomes: ({ initContainers = [] }, spec) =>
      initContainers.some(
        ({ restartPolicy, resources }, i) => restartPolicy !== "Always" && !deepEqual(resources ?? {}, spec.initContainers?.[i]?.resources ?? {}),
      ),
  },
  { name: "RestartAllContainersOnContainerExits", runs: mayRestartAllContainers },
  { name: "UserNamespacesHostNetworkSupport", runs: ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false },
];

export const requiredToRun = (spec: Spec): string[] => features.filter(({ runs }) => runs?.(spec)).map(({ name }) => name);
export const requiredToBecome = (old: Spec, spec: Spec): string[] => features.filter(({ becomes }) => becomes?.(old, spec)).map(({ name }) => name);

/** What of it is not declared. */
export const undeclared = (required: readonly string[], declared: readonly string[] = []): string[] => required.filter((name) => !declared.includes(name));
