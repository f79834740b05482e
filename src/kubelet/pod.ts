/** Small questions about a pod's spec. Pure. */
import { containersOf } from "../api/core/pod-containers.ts";
import { isSidecar } from "../api/core/pod-resources.ts";
import { quantityToMilli } from "../api/quantity.ts";
import type { Container, ContainerStatus, Pod } from "../api/types/core-v1.gen.ts";

/** `name_namespace(uid)`, as upstream's messages name a pod. */
export const formatPod = (pod: Pod): string => `${pod.metadata.name}_${pod.metadata.namespace ?? ""}(${pod.metadata.uid})`;

/** Nobody else on the node has it at the same time. */
export const fullName = (pod: Pod): string => `${pod.metadata.namespace ?? ""}/${pod.metadata.name}`;

/** How upstream's kubelet marks pods: where they come from, when they were seen, what their manifest was. */
export const annotationKeys = {
  source: "kubernetes.io/config.source",
  seen: "kubernetes.io/config.seen",
  hash: "kubernetes.io/config.hash",
  mirror: "kubernetes.io/config.mirror",
} as const;

/** The API's image of a static pod: nothing runs for it. */
export const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[annotationKeys.mirror] !== undefined;

/** Of a pod as its worker has it: its manifest is this node's alone. */
export const isStatic = (pod: Pod): boolean => (pod.metadata.annotations?.[annotationKeys.source] ?? "api") !== "api";

export const isHostNetwork = (pod: Pod): boolean => pod.spec.hostNetwork === true;

export const findSpec = (pod: Pod, name: string): Container | undefined => containersOf(pod.spec).find((c) => c.name === name);

export const findStatus = (statuses: readonly ContainerStatus[] | undefined, name: string): ContainerStatus | undefined =>
  statuses?.find((s) => s.name === name);

export const isTerminalPhase = (phase: string | undefined): boolean => phase === "Succeeded" || phase === "Failed";

/** What the first rule of the container that speaks of `exitCode` wants (KEP-5307, KEP-5532). */
function ruledAction(container: Container, exitCode: number): string | undefined {
  const rule = (container.restartPolicyRules ?? []).find(({ exitCodes: codes }) => {
    const listed = codes?.values?.includes(exitCode) ?? false;
    return (codes?.operator === "In" && listed) || (codes?.operator === "NotIn" && !listed);
  });
  return rule?.action;
}

/** The container's end with `exitCode` has every container of the pod begin anew. */
export const restartsAll = (container: Container, exitCode: number): boolean => ruledAction(container, exitCode) === "RestartAllContainers";

/** Some end of some container would have all begin anew. */
export const couldRestartAll = ({ spec }: Pod): boolean =>
  [...(spec.initContainers ?? []), ...spec.containers].some((c) => c.restartPolicyRules?.some((rule) => rule.action === "RestartAllContainers"));

/**
 * Whether a container that ended with `exitCode` runs again: its own rules first, then its own policy, then the pod's
 * (k8s.io/kubernetes/pkg/api/v1/pod ContainerShouldRestart).
 */
export function shouldRestartAfter(container: Container, pod: Pod, exitCode: number): boolean {
  const action = ruledAction(container, exitCode);
  if (action !== undefined) return action === "Restart" || action === "RestartAllContainers";
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** pkg/apis/core/v1/helper/qos: from requests and limits of cpu and memory, of the pod itself where it has any, else of its containers. */
export function qosClass(pod: Pod): QosClass {
  const requests = new Map<string, number>();
  const limits = new Map<string, number>();
  let guaranteed = true;
  const all = pod.spec.resources ? [pod.spec] : [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  for (const { resources } of all) {
    for (const name of ["cpu", "memory"]) {
      addPositive(requests, name, resources?.requests?.[name]);
      if (!addPositive(limits, name, resources?.limits?.[name])) guaranteed = false;
    }
  }
  if (!requests.size && !limits.size) return "BestEffort";
  if (guaranteed && requests.size === limits.size && [...requests].every(([name, value]) => limits.get(name) === value)) return "Guaranteed";
  return "Burstable";
}

function addPositive(sums: Map<string, number>, name: string, quantity: string | undefined): boolean {
  const milli = quantity === undefined ? 0 : quantityToMilli(quantity);
  if (milli > 0) sums.set(name, (sums.get(name) ?? 0) + milli);
  return milli > 0;
}

const systemCritical = 2_000_000_000;

/** Others give way to it where there is no room, and it outlives them when the node is short of something. */
export const isCritical = (pod: Pod): boolean => isStatic(pod) || isMirror(pod) || (pod.spec.priority ?? 0) >= systemCritical;

/** Critical for the node: the last to be killed for memory. */
export const isNodeCritical = (pod: Pod): boolean => pod.spec.priorityClassName === "system-node-critical" || (pod.spec.priority ?? 0) >= 2_000_001_000;

export const isPrivileged = (pod: Pod): boolean => containersOf(pod.spec).some((c) => c.securityContext?.privileged === true);

export { isSidecar };
