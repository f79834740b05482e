/** A pod as the scheduler sees it: what is asked of it in every cycle, worked out once. */
import type { ResourceList } from "../../api/core/resource-list.ts";
import { podRequests } from "../../api/core/pod-resources.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { type AffinityTerms, affinityTermsOf, noTerms } from "./affinity-term.ts";

/** CPU in thousandths of a core, the rest in units. */
export interface Requests {
  readonly cpu: number;
  readonly memory: number;
  readonly ephemeralStorage: number;
  /** Extended resources and huge pages, without those of amount 0. */
  readonly scalars: readonly (readonly [name: string, amount: number])[];
  /** With 100m and 200Mi assumed for each container that requests none, so that scores spread such pods too. */
  readonly nonZeroCpu: number;
  readonly nonZeroMemory: number;
  /** The same of the containers alone: what LeastAllocated takes for the pod that is to be placed. */
  readonly scoredCpu: number;
  readonly scoredMemory: number;
}

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PodInfo {
  readonly pod: Pod;
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly priority: number;
  readonly requests: Requests;
  readonly hostPorts: readonly HostPort[];
  readonly terms: AffinityTerms;
  /** Names of the claims that its volumes use. */
  readonly claims: readonly string[];
}

const nativeScalars = new Set(["cpu", "memory", "ephemeral-storage", "pods", "storage"]);
const missing: ResourceList = { cpu: "100m", memory: "200Mi" };
const amount = (list: ResourceList, name: string): number => (list[name] === undefined ? 0 : Number(parseQuantity(list[name]).value()));
const milli = (list: ResourceList, name: string): number => (list[name] === undefined ? 0 : Number(parseQuantity(list[name]).milliValue()));

const known = new Map<string, Requests>();
const knownLimit = 4096;

function requestsOf(pod: Pod): Requests {
  const { spec, status } = pod;
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].filter((s) => s.resources || s.allocatedResources);
  const key = JSON.stringify([
    spec.containers.map((c) => (statuses.length ? [c.name, c.resources?.requests] : c.resources?.requests)),
    spec.initContainers?.map((c) => [c.name, c.restartPolicy, c.resources?.requests]),
    spec.overhead,
    spec.resources?.requests,
    statuses.map((s) => [s.name, s.resources?.requests, s.allocatedResources]),
    status?.resources?.requests,
    statuses.length ? status?.conditions?.find((c) => c.type === "PodResizePending")?.reason : undefined,
  ]);
  const cached = known.get(key);
  if (cached) return cached;
  const list = podRequests(spec, { status });
  const nonZero = podRequests(spec, { status, missingRequests: missing });
  const scored = spec.resources?.requests || status?.containerStatuses ? podRequests(spec, { missingRequests: missing, skipPodLevel: true }) : nonZero;
  const scalars = Object.keys(list)
    .filter((name) => !nativeScalars.has(name))
    .map((name) => [name, amount(list, name)] as const)
    .filter(([, value]) => value !== 0);
  const requests: Requests = {
    cpu: milli(list, "cpu"),
    memory: amount(list, "memory"),
    ephemeralStorage: amount(list, "ephemeral-storage"),
    scalars,
    nonZeroCpu: milli(nonZero, "cpu"),
    nonZeroMemory: amount(nonZero, "memory"),
    scoredCpu: milli(scored, "cpu"),
    scoredMemory: amount(scored, "memory"),
  };
  if (known.size >= knownLimit) known.clear();
  known.set(key, requests);
  return requests;
}

const none: readonly HostPort[] = [];

function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  let ports: HostPort[] | undefined;
  const collect = (list: Pod["spec"]["containers"] | undefined, sidecarsOnly: boolean): void => {
    for (const container of list ?? []) {
      if (!container.ports || (sidecarsOnly && container.restartPolicy !== "Always")) continue;
      for (const { hostPort, hostIP, protocol } of container.ports) {
        if (!hostPort || hostPort <= 0) continue;
        ports ??= [];
        ports.push({ ip: hostIP || "0.0.0.0", protocol: protocol || "TCP", port: hostPort });
      }
    }
  };
  collect(spec.containers, false);
  collect(spec.initContainers, true);
  return ports ?? none;
}

const noNames: readonly string[] = [];

function claimNames(pod: Pod): readonly string[] {
  let names: string[] | undefined;
  for (const { name, persistentVolumeClaim, ephemeral } of pod.spec.volumes ?? []) {
    if (!persistentVolumeClaim && !ephemeral) continue;
    names ??= [];
    names.push(persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${name}`);
  }
  return names ?? noNames;
}

const infos = new WeakMap<Pod, PodInfo>();

export function podInfoOf(pod: Pod): PodInfo {
  const cached = infos.get(pod);
  if (cached) return cached;
  const { namespace = "", name, uid } = pod.metadata;
  const { affinity } = pod.spec;
  const info: PodInfo = {
    pod,
    key: `${namespace}/${name}`,
    uid,
    namespace,
    priority: pod.spec.priority ?? 0,
    requests: requestsOf(pod),
    hostPorts: hostPortsOf(pod),
    terms: affinity?.podAffinity || affinity?.podAntiAffinity ? affinityTermsOf(pod) : noTerms,
    claims: claimNames(pod),
  };
  infos.set(pod, info);
  return info;
}
