/** Whether this node takes a pod that was given to it (upstream's pkg/kubelet/lifecycle/predicate.go). Pure. */
import { requiredToRun, undeclared } from "../api/core/declared-features.ts";
import { podRequests } from "../api/core/pod-resources.ts";
import { isExtendedResource } from "../api/core/resource-names.ts";
import { mayBeDevices } from "../api/resource/extended-resource.ts";
import { quantityToMilli, quantityToNumber } from "../api/quantity.ts";
import type { Container, Node, Pod, Taint, Toleration } from "../api/types/core-v1.gen.ts";
import type { Refusal, Shortage } from "./lifecycle.ts";
import { nodeMatches } from "./node-selector.ts";
import { isCritical, isStatic } from "./pod.ts";
import { forbiddenSysctl } from "./sysctls.ts";

interface HostPort {
  ip: string;
  port: number;
  protocol: string;
}
const hostPorts = (pod: Pod): HostPort[] =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always")].flatMap((c) =>
    (c.ports ?? []).filter((p) => p.hostPort).map((p) => ({ ip: p.hostIP || "0.0.0.0", port: p.hostPort as number, protocol: p.protocol || "TCP" })),
  );
const wildcard = (ip: string): boolean => ip === "0.0.0.0" || ip === "::";
const clash = (a: HostPort, b: HostPort): boolean => a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || wildcard(a.ip) || wildcard(b.ip));

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some(
    (t) =>
      (!t.effect || t.effect === taint.effect) &&
      (!t.key || t.key === taint.key) &&
      (t.operator === "Exists" || (t.key !== undefined && (t.value ?? "") === (taint.value ?? ""))),
  );
}

/** In thousandths for cpu, in units for everything else. */
export const resourceAmount = (name: string, quantity: string | undefined): number =>
  quantity === undefined ? 0 : name === "cpu" ? quantityToMilli(quantity) : quantityToNumber(quantity);

/** Without what devices of the pod's claim for extended resources provide (KEP-5004). */
function withoutDevices({ spec, status }: Pod): Pod["spec"] {
  const mappings = status?.extendedResourceClaimStatus?.requestMappings;
  if (!mappings?.length) return spec;
  const without = (container: Container): Container => {
    const own = mappings.filter(({ containerName }) => containerName === container.name).map(({ resourceName }) => resourceName);
    const requests = Object.entries(container.resources?.requests ?? {}).filter(([name]) => !own.includes(name) || !mayBeDevices(name));
    return own.length ? { ...container, resources: { ...container.resources, requests: Object.fromEntries(requests) } } : container;
  };
  const { containers, initContainers } = spec;
  return { ...spec, containers: containers.map(without), ...(initContainers ? { initContainers: initContainers.map(without) } : {}) };
}

/** `extended`: what others have put into the node's status; a resource that nobody counts is no reason to refuse. */
function shortagesOf(pod: Pod, others: readonly Pod[], allocatable: Record<string, string>, extended: Record<string, string>): Shortage[] {
  const found: Shortage[] = [];
  const pods = resourceAmount("pods", allocatable.pods);
  if (others.length + 1 > pods) found.push({ name: "pods", requested: 1, used: others.length, capacity: pods });
  const requests = podRequests(withoutDevices(pod)) as Record<string, string>;
  for (const name of Object.keys(requests)) {
    const requested = resourceAmount(name, String(requests[name]));
    if (!requested || (isExtendedResource(name) && !(name in extended))) continue;
    const used = others.reduce((sum, other) => sum + resourceAmount(name, (podRequests(other.spec) as Record<string, string>)[name]), 0);
    const capacity = resourceAmount(name, allocatable[name] ?? extended[name]);
    if (used + requested > capacity) found.push({ name, requested, used, capacity });
  }
  return found;
}

/** What pods may need of a node, and of this one can have: in the order of the names. */
export const declaredFeatures: readonly string[] = [
  "InPlacePodLevelResourcesVerticalScaling",
  "InPlacePodVerticalScalingInitContainers",
  "RestartAllContainersOnContainerExits",
];

/** `others`: the pods that this node has already taken and that are not over. Undefined: the pod is taken. */
export function admit(
  pod: Pod,
  node: Node,
  others: readonly Pod[],
  allocatable: Record<string, string>,
  allowedSysctls: readonly string[],
): Refusal | undefined {
  const failed = (name: string, why: string): Refusal => ({ reason: name, message: `Predicate ${name} failed: ${why}` });
  const os = pod.spec.os?.name;
  if (os && os !== "linux") return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
  const sysctl = forbiddenSysctl(pod, allowedSysctls);
  if (sysctl) return { reason: "SysctlForbidden", message: sysctl };
  if (pod.spec.securityContext?.supplementalGroupsPolicy === "Strict" && !node.status?.features?.supplementalGroupsPolicy)
    return { reason: "SupplementalGroupsPolicyNotSupported", message: "SupplementalGroupsPolicy=Strict is not supported in this node" };
  const shortages = shortagesOf(pod, others, allocatable, (node.status?.allocatable ?? {}) as Record<string, string>);
  const [first] = shortages;
  const other = (): Refusal | undefined => {
    if (!nodeMatches(pod, node)) return failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
    const taken = others.flatMap(hostPorts);
    if (hostPorts(pod).some((port) => taken.some((one) => clash(port, one))))
      return failed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
    const taint = isStatic(pod) ? undefined : (node.spec.taints ?? []).find((t) => t.effect === "NoExecute" && !tolerates(pod.spec.tolerations ?? [], t));
    if (taint) return failed("TaintToleration", "node(s) had taints that the pod didn't tolerate");
    const missing = undeclared(requiredToRun(pod.spec), declaredFeatures);
    if (!missing.length) return undefined;
    return { reason: "PodFeatureUnsupported", message: `Pod requires node features that are not available: ${missing.join(", ")}` };
  };
  if (!first) return other();
  const { name, requested, used, capacity } = first;
  const outOf = {
    reason: `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
  return isCritical(pod) ? (other() ?? { ...outOf, shortages }) : outOf;
}
