/** The EndpointSlices that a service should have, given those it has (k8s.io/endpointslice/reconciler.go). Pure. */
import { serviceNameLabel } from "../../api/discovery/service-name.ts";
import { newControllerRef } from "../../api/meta/owner.ts";
import { formatIP, parseIP } from "../../api/ip.ts";
import type { Node, Pod, Service } from "../../api/types/core-v1.gen.ts";
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { isReady, isTerminating } from "../runtime/pods.ts";
import { hostnameOf, isEndpoint, isHeadless, targetPort } from "./service-pods.ts";

export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const headlessLabel = "service.kubernetes.io/headless";
export const managedBy = "endpointslice-controller.k8s.io";
const reserved = new Set([managedByLabel, serviceNameLabel, headlessLabel]);

export interface SlicePlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

export interface SliceInput {
  service: Service;
  pods: readonly Pod[];
  existing: readonly EndpointSlice[];
  node(name: string): Node | undefined;
  maxEndpoints: number;
}

/** The plan, and the pods left out because their node is unknown. */
export function planSlices(input: SliceInput): SlicePlan & { skipped: Pod[] } {
  const { service, existing } = input;
  const types = addressTypes(service);
  const plan: SlicePlan = { create: [], update: [], delete: existing.filter((slice) => !types.includes(slice.addressType)) };
  const skipped = new Set<Pod>();
  for (const type of types) {
    const part = planAddressType(
      input,
      type,
      existing.filter((slice) => slice.addressType === type),
      skipped,
    );
    plan.create.push(...part.create);
    plan.update.push(...part.update);
    plan.delete.push(...part.delete);
  }
  return { ...plan, skipped: [...skipped] };
}

function addressTypes(service: Service): string[] {
  const { ipFamilies = [], clusterIP } = service.spec;
  if (ipFamilies.length) return ipFamilies;
  if (clusterIP && clusterIP !== "None") return [clusterIP.includes(":") ? "IPv6" : "IPv4"];
  return ["IPv4", "IPv6"];
}

function planAddressType(input: SliceInput, type: string, existing: readonly EndpointSlice[], skipped: Set<Pod>): SlicePlan {
  const { service, pods, node, maxEndpoints } = input;
  const owned = existing.filter((slice) => slice.metadata.ownerReferences?.some((o) => o.uid === service.metadata.uid && o.kind === "Service"));
  const plan: SlicePlan = { create: [], update: [], delete: existing.filter((slice) => !owned.includes(slice)) };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of owned) byPorts.set(portsKey(slice.ports), [...(byPorts.get(portsKey(slice.ports)) ?? []), slice]);

  const wanted = new Map<string, { ports: EndpointPort[]; endpoints: Map<string, Endpoint> }>();
  for (const pod of pods) {
    if (!isEndpoint(pod, true)) continue;
    const ports = endpointPorts(service, pod);
    const key = portsKey(ports);
    let group = wanted.get(key);
    if (!group) {
      group = { ports, endpoints: new Map() };
      wanted.set(key, group);
    }
    const host = node(pod.spec.nodeName ?? "");
    if (!host && !service.spec.publishNotReadyAddresses) {
      skipped.add(pod);
      continue;
    }
    const endpoint = podEndpoint(pod, host, service, type);
    if (endpoint.addresses.length) group.endpoints.set(endpointKey(endpoint), endpoint);
  }
  for (const [key, group] of wanted) {
    const part = fill(input, { type, ports: group.ports, wanted: group.endpoints, existing: byPorts.get(key) ?? [], maxEndpoints });
    plan.create.push(...part.create);
    plan.update.push(...part.update);
    plan.delete.push(...part.delete);
  }
  for (const [key, slices] of byPorts) if (!wanted.has(key)) plan.delete.push(...slices);

  // A service always has a slice, if an empty one.
  if (existing.length === plan.delete.length && plan.create.length === 0) {
    const placeholder = emptySlice(service, type, []);
    const [only] = plan.delete;
    if (plan.delete.length === 1 && only && isSamePlaceholder(only, placeholder)) plan.delete = [];
    else plan.create.push(placeholder);
  }
  return reuse(plan, owned);
}

interface Group {
  type: string;
  ports: EndpointPort[];
  wanted: Map<string, Endpoint>;
  existing: readonly EndpointSlice[];
  maxEndpoints: number;
}

/** Endpoints stay in their slices; new ones fill changed slices first, then one that has room, then new slices. */
function fill(input: SliceInput, group: Group): SlicePlan {
  const { service } = input;
  const { maxEndpoints } = group;
  const left = new Map(group.wanted);
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  const unchanged: EndpointSlice[] = [];
  for (const slice of group.existing) {
    const endpoints: Endpoint[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints ?? []) {
      const key = endpointKey(endpoint);
      const now = left.get(key);
      if (!now) continue;
      endpoints.push(now);
      changed ||= !semanticEqual({ ...now, targetRef: undefined }, { ...endpoint, targetRef: undefined });
      left.delete(key);
    }
    const labels = sliceLabels(service);
    const relabelled = !semanticEqual(withoutReserved(slice.metadata.labels), withoutReserved(labels));
    const removed = endpoints.length !== (slice.endpoints ?? []).length;
    if (endpoints.length === 0 && removed) plan.delete.push(slice);
    else if (changed || removed || relabelled) plan.update.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints });
    else unchanged.push(slice);
  }
  const pour = (slice: EndpointSlice): void => {
    for (const [key, endpoint] of left) {
      if (slice.endpoints.length >= maxEndpoints) break;
      slice.endpoints.push(endpoint);
      left.delete(key);
    }
  };
  for (const slice of plan.update.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) pour(slice);
  while (left.size > 0) {
    const room = left.size < maxEndpoints ? fullest(unchanged, left.size, maxEndpoints) : undefined;
    if (room) {
      unchanged.splice(unchanged.indexOf(room), 1);
      const slice = { ...room, endpoints: [...(room.endpoints ?? [])] };
      pour(slice);
      plan.update.push(slice);
    } else {
      const slice = emptySlice(service, group.type, group.ports);
      pour(slice);
      plan.create.push(slice);
    }
  }
  return plan;
}

function fullest(slices: readonly EndpointSlice[], more: number, max: number): EndpointSlice | undefined {
  const fitting = slices.filter((slice) => (slice.endpoints ?? []).length + more <= max && (slice.endpoints ?? []).length + more > 0);
  return fitting.sort((a, b) => (b.endpoints ?? []).length - (a.endpoints ?? []).length)[0];
}

/** What would be deleted becomes what would be created: one write instead of two, and no gap. */
function reuse(plan: SlicePlan, owned: readonly EndpointSlice[]): SlicePlan {
  const kept: EndpointSlice[] = [];
  const create = [...plan.create];
  const update = [...plan.update];
  for (const slice of plan.delete) {
    const made = owned.includes(slice) ? create.pop() : undefined;
    if (made) update.push({ ...made, metadata: { ...slice.metadata, labels: made.metadata.labels, ownerReferences: made.metadata.ownerReferences } });
    else kept.push(slice);
  }
  return { create, update, delete: kept };
}

export function emptySlice(service: Service, addressType: string, ports: EndpointPort[]): EndpointSlice {
  const { name, namespace } = service.metadata;
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: sliceLabels(service),
      ownerReferences: [newControllerRef(service, "v1", "Service")],
    },
    addressType,
    ports,
    endpoints: [],
  } as unknown as EndpointSlice;
}

function sliceLabels(service: Service): Record<string, string> {
  return {
    ...withoutReserved(service.metadata.labels),
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [serviceNameLabel]: service.metadata.name,
    [managedByLabel]: managedBy,
  };
}
const withoutReserved = (labels: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !reserved.has(key)));

const isSamePlaceholder = (slice: EndpointSlice, placeholder: EndpointSlice): boolean =>
  !slice.ports?.length && !slice.endpoints?.length && semanticEqual(slice.metadata.labels, placeholder.metadata.labels);

export const portsKey = (ports: readonly EndpointPort[] | undefined): string =>
  (ports ?? [])
    .map(({ name = "", port, protocol = "TCP", appProtocol = "" }) => JSON.stringify([name, port, protocol, appProtocol]))
    .sort()
    .join();
const endpointKey = (e: Endpoint): string => JSON.stringify([e.addresses, e.hostname, e.nodeName, e.targetRef?.uid ?? e.targetRef?.name]);

function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service.spec.ports ?? []) {
    const port = targetPort(pod, servicePort);
    if (port === undefined) continue;
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    ports.push({ name, port, protocol, ...(appProtocol ? { appProtocol } : {}) });
  }
  return ports;
}

function podEndpoint(pod: Pod, node: Node | undefined, service: Service, type: string): Endpoint {
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = Boolean(service.spec.publishNotReadyAddresses) || (serving && !terminating);
  const zone = node?.metadata.labels?.["topology.kubernetes.io/zone"];
  const hostname = hostnameOf(pod, service);
  const { nodeName } = pod.spec;
  const hints = ready ? hintsFor(service, zone, nodeName) : undefined;
  const { namespace, name, uid } = pod.metadata;
  return {
    addresses: podAddresses(pod, type),
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

function podAddresses(pod: Pod, type: string): string[] {
  return (pod.status?.podIPs ?? []).flatMap(({ ip = "" }) => {
    const parsed = parseIP(ip);
    return parsed && (parsed.bytes.length === 4) === (type === "IPv4") ? [formatIP(parsed.bytes)] : [];
  });
}

/** spec.trafficDistribution: prefer endpoints of the same zone, or of the same node. */
function hintsFor({ spec: { trafficDistribution } }: Service, zone: string | undefined, node: string | undefined): EndpointHints | undefined {
  if (!["PreferClose", "PreferSameZone", "PreferSameNode"].includes(trafficDistribution ?? "")) return undefined;
  const forNodes = trafficDistribution === "PreferSameNode" && node ? [{ name: node }] : undefined;
  if (!zone && !forNodes) return undefined;
  return { ...(zone ? { forZones: [{ name: zone }] } : {}), ...(forNodes ? { forNodes } : {}) };
}
