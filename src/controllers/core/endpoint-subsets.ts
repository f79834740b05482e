/** Subsets of an Endpoints object: addresses grouped by the ports that they serve (pkg/api/v1/endpoints/util.go). Pure. */
import { compareBytes } from "../../api/codec/json.ts";
import { dumpForHash } from "../../api/go-dump.ts";
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from "../../api/types/core-v1.gen.ts";
import { fnv1a128 } from "../../base/fnv.ts";
import { hostnameOf, isEndpoint, targetPort } from "../discovery/service-pods.ts";
import { isReady } from "../runtime/pods.ts";

/** An Endpoints object names at most this many addresses. */
export const capacity = 1000;

export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishNotReady = Boolean(service.spec.publishNotReadyAddresses);
  const subsets: EndpointSubset[] = [];
  for (const pod of pods) {
    if (!isEndpoint(pod, publishNotReady)) continue;
    const address = addressOf(service, pod);
    if (!address) continue;
    const where = publishNotReady || isReady(pod) ? "addresses" : "notReadyAddresses";
    const { ports = [], clusterIP } = service.spec;
    if (ports.length === 0 && clusterIP === "None") subsets.push({ [where]: [address], ports: [] });
    for (const servicePort of ports) {
      const port = targetPort(pod, servicePort);
      if (port === undefined) continue;
      const { name, protocol = "TCP", appProtocol } = servicePort;
      subsets.push({ [where]: [address], ports: [{ ...(name ? { name } : {}), port, protocol, ...(appProtocol ? { appProtocol } : {}) }] });
    }
  }
  return repackSubsets(subsets);
}

function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const ip = pod.status?.podIP;
  const family = service.spec.ipFamilies?.[0];
  const found = family ? [ip, ...(pod.status?.podIPs ?? []).map((p) => p.ip)].find((a) => a && a.includes(":") === (family === "IPv6")) : ip;
  if (!found) return undefined;
  const { name, namespace, uid } = pod.metadata;
  const hostname = hostnameOf(pod, service);
  return {
    ip: found,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

interface Offer {
  port: EndpointPort | undefined;
  /** Whether it is ready behind this port, by address. */
  ready: Map<string, boolean>;
}

/**
 * Ports behind which the same addresses stand share a subset; an address that is not ready in one of the given subsets is
 * not ready behind that port. In upstream's order.
 */
export function repackSubsets(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const known = new Map<string, EndpointAddress>();
  const offers = new Map<string, Offer>();
  const add = (port: EndpointPort | undefined, address: EndpointAddress, isReady: boolean): void => {
    const key = JSON.stringify([address.ip, address.targetRef?.uid ?? ""]);
    if (!known.has(key)) known.set(key, address);
    const portKey = port ? JSON.stringify([port.name ?? "", port.port, port.protocol, port.appProtocol]) : "";
    const offer = offers.get(portKey) ?? { port, ready: new Map() };
    offers.set(portKey, offer);
    offer.ready.set(key, isReady && offer.ready.get(key) !== false);
  };
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    for (const port of ports.length ? ports : [undefined]) {
      for (const address of addresses) add(port, address, true);
      for (const address of notReadyAddresses) add(port, address, false);
    }
  }
  const groups = new Map<string, { ready: Map<string, boolean>; ports: EndpointPort[] }>();
  for (const { port, ready } of offers.values()) {
    const key = [...ready]
      .map(([address, isReady]) => `${address}${isReady}`)
      .sort()
      .join();
    const group = groups.get(key) ?? { ready, ports: [] };
    groups.set(key, group);
    if (port) group.ports.push(port);
  }
  const packed = [...groups.values()].map(({ ready, ports }) => {
    const those = (which: boolean): EndpointAddress[] =>
      [...ready]
        .filter(([, isReady]) => isReady === which)
        .map(([key]) => known.get(key) as EndpointAddress)
        .sort(byAddress);
    const [addresses, notReadyAddresses] = [those(true), those(false)];
    return {
      ...(addresses.length ? { addresses } : {}),
      ...(notReadyAddresses.length ? { notReadyAddresses } : {}),
      ports: byHash("v1.EndpointPort", ports),
    };
  });
  return byHash("v1.EndpointSubset", packed);
}

const byAddress = (a: EndpointAddress, b: EndpointAddress): number => compareBytes(a.ip, b.ip) || compareBytes(a.targetRef?.uid ?? "", b.targetRef?.uid ?? "");

/** By the hash of Go's picture of each: an order as good as any, and everybody's. */
function byHash<T extends object>(type: string, items: readonly T[]): T[] {
  if (items.length < 2) return [...items];
  const hashed = items.map((item) => ({ item, hash: fnv1a128(Buffer.from(dumpForHash(type, item))) }));
  return hashed.sort((a, b) => (a.hash < b.hash ? -1 : 1)).map(({ item }) => item);
}

/** At most `capacity` addresses, ready ones first, each subset in proportion; undefined when none had to go. */
export function truncateSubsets(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const count = (of: "addresses" | "notReadyAddresses"): number => subsets.reduce((sum, s) => sum + (s[of]?.length ?? 0), 0);
  const [ready, notReady] = [count("addresses"), count("notReadyAddresses")];
  if (ready + notReady <= capacity) return undefined;
  const which = ready > capacity ? "addresses" : "notReadyAddresses";
  const room = which === "addresses" ? capacity : capacity - ready;
  const total = which === "addresses" ? ready : notReady;
  let left = room;
  return subsets.map((subset) => {
    const list = subset[which] ?? [];
    const kept = list.slice(0, Math.min(left, Math.ceil((list.length / total) * room)));
    left -= kept.length;
    return which === "addresses" ? { ports: subset.ports, addresses: kept } : { ...subset, notReadyAddresses: kept };
  });
}
