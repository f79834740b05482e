/** Subsets of an Endpoints object: addresses grouped by the ports that they serve (pkg/api/v1/endpoints/util.go). Pure. */
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from "../../api/types/core-v1.gen.ts";
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

/** Every address once per set of ports, ready or not, in a fixed order; an address that is not ready anywhere is not ready. */
export function repackSubsets(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const addresses = new Map<string, { address: EndpointAddress; ready: boolean; ports: Map<string, EndpointPort> }>();
  for (const { addresses: ready = [], notReadyAddresses: notReady = [], ports = [] } of subsets) {
    for (const [list, isReadyList] of [
      [ready, true],
      [notReady, false],
    ] as const) {
      for (const address of list) {
        const key = JSON.stringify([address.ip, address.targetRef?.uid ?? address.targetRef?.name ?? ""]);
        let entry = addresses.get(key);
        if (!entry) {
          entry = { address, ready: isReadyList, ports: new Map() };
          addresses.set(key, entry);
        }
        entry.ready &&= isReadyList;
        for (const port of ports) entry.ports.set(JSON.stringify([port.name ?? "", port.port, port.protocol, port.appProtocol]), port);
      }
    }
  }
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  for (const key of [...addresses.keys()].sort()) {
    const { address, ready, ports } = addresses.get(key) as NonNullable<ReturnType<typeof addresses.get>>;
    const portKeys = [...ports.keys()].sort();
    const group = groups.get(portKeys.join()) ?? { ports: portKeys.map((p) => ports.get(p) as EndpointPort), ready: [], notReady: [] };
    groups.set(portKeys.join(), group);
    (ready ? group.ready : group.notReady).push(address);
  }
  return [...groups.keys()].sort().map((key) => {
    const { ports, ready, notReady } = groups.get(key) as NonNullable<ReturnType<typeof groups.get>>;
    return { ...(ready.length ? { addresses: ready } : {}), ...(notReady.length ? { notReadyAddresses: notReady } : {}), ports };
  });
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
