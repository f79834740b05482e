/**
 * Whether Services, their addresses and the IPAddresses that record these agree, and what is done where they do not
 * (pkg/registry/core/service/ipallocator/controller/repairip.go). Pure.
 */
import { formatIP, parseIP } from "../../../api/ip.ts";
import { containing } from "../../../api/networking/service-cidr-overlap.ts";
import { parseTime } from "../../../api/time.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { IPAddress, ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";

export const allocatorName = "ipallocator.k8s.io";
export const managedByLabel = "ipaddress.kubernetes.io/managed-by";
export const familyLabel = "ipaddress.kubernetes.io/ip-family";

export interface Finding {
  reason: string;
  action: string;
  message: string;
}

export interface Verdict {
  finding?: Finding;
  /** `make` the IPAddress, make it `anew`, or `drop` it. */
  act?: "make" | "anew" | "drop";
  /** Milliseconds after which it is to be looked at again. */
  again?: number;
}

export interface World {
  cidrs: readonly ServiceCIDR[];
  address(name: string): IPAddress | undefined;
  service(namespace: string, name: string): Service | undefined;
}

/** Milliseconds in which a request that took an address must have stored its Service. */
const requestTimeout = 60_000;
/** Milliseconds in which a transaction that failed gives its address back. */
const rollbackTime = 5_000;

const familyOf = (ip: string): string => (ip.includes(":") ? "IPv6" : "IPv4");
const clusterIPs = ({ spec }: Service): string[] => (spec.type === "ExternalName" ? [] : (spec.clusterIPs ?? []).filter((ip) => ip && ip !== "None"));

/** For each address of the Service what has to be done about it; addresses in their canonical form. */
export function judgeService(service: Service, world: World): { ip: string; verdict: Verdict }[] {
  return clusterIPs(service).map((text) => {
    const parsed = parseIP(text);
    if (!parsed) {
      const message = `Cluster IP ${text} is not a valid IP; please recreate Service`;
      return { ip: text, verdict: { finding: { reason: "ClusterIPNotValid", action: "ClusterIPValidation", message } } };
    }
    const ip = formatIP(parsed.bytes);
    return { ip, verdict: judgeClusterIP(service, ip, world) };
  });
}

function judgeClusterIP(service: Service, ip: string, world: World): Verdict {
  const family = familyOf(ip);
  const { namespace, name } = service.metadata;
  const finding = (reason: string, message: string): Finding => ({ reason, action: "ClusterIPAllocation", message });
  if (!containing(world.cidrs, ip).length)
    return { finding: finding("ClusterIPOutOfRange", `Cluster IP [${family}]: ${ip} is not within any configured Service CIDR; please recreate service`) };
  const address = world.address(ip);
  if (!address) return { finding: finding("ClusterIPNotAllocated", `Cluster IP [${family}]: ${ip} is not allocated; repairing`), act: "make" };
  const wrong: Verdict = {
    finding: finding("ClusterIPNotAllocated", `the ClusterIP [${family}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`),
    act: "anew",
  };
  const parent = address.spec.parentRef;
  if (parent?.group || parent?.resource !== "services") return wrong;
  if (parent.namespace !== namespace || parent.name !== name) {
    const other = world.service(parent.namespace ?? "", parent.name ?? "");
    if (!other) return wrong;
    if (other.spec.clusterIPs?.includes(ip))
      return { finding: finding("ClusterIPAlreadyAllocated", `Cluster IP [${family}]:${ip} was assigned to multiple services; please recreate service`) };
  }
  const { labels } = address.metadata;
  return labels?.[familyLabel] === family && labels[managedByLabel] === allocatorName ? {} : { act: "anew" };
}

/** `now` in milliseconds since the epoch. An address that somebody else manages is none of ours. */
export function judgeAddress(address: IPAddress, { service }: Pick<World, "service">, now: number): Verdict {
  const { name, labels, creationTimestamp } = address.metadata;
  if (labels?.[managedByLabel] !== allocatorName) return {};
  const dropped = (reason: string, message: string): Verdict => ({ finding: { reason, action: "IPAddressAllocation", message }, act: "drop" });
  const { group = "", resource = "", namespace = "", name: parentName = "" } = address.spec.parentRef ?? {};
  if (group || resource !== "services") {
    const reference = `&ParentReference{Group:${group},Resource:${resource},Namespace:${namespace},Name:${parentName},}`;
    return dropped("IPAddressNotAllocated", `IPAddress ${name} appears to have been modified, not referencing a Service ${reference}: cleaning up`);
  }
  const age = now - parseTime(creationTimestamp);
  const parent = service(namespace, parentName);
  if (!parent)
    return age > requestTimeout
      ? dropped("IPAddressNotAllocated", `IPAddress: ${name} for Service ${namespace}/${parentName} appears to have leaked: cleaning up`)
      : { again: requestTimeout - age + 1 };
  if (parent.spec.clusterIPs?.includes(name)) return {};
  if (parent.spec.type === "ExternalName" && age < requestTimeout) return { again: requestTimeout - age };
  if (parseTime(creationTimestamp) > parseTime(parent.metadata.creationTimestamp) && age < rollbackTime) return { again: rollbackTime };
  return dropped("IPAddressWrongReference", `IPAddress: ${name} for Service ${namespace}/${parentName} has a wrong reference; cleaning up`);
}

/** One number may serve one port per protocol; more than that counts twice. */
function nodePortsOf({ spec }: Service): number[] {
  const seen = new Map<number, Set<string>>();
  const uses = [
    ...(spec.ports ?? []).map(({ nodePort, protocol = "TCP" }) => ({ nodePort, protocol })),
    { nodePort: spec.healthCheckNodePort, protocol: "TCP" },
  ];
  return uses.flatMap(({ nodePort, protocol }) => {
    if (!nodePort) return [];
    const protocols = seen.get(nodePort) ?? new Set<string>();
    const counts = !seen.has(nodePort) || protocols.has(protocol);
    seen.set(nodePort, protocols.add(protocol));
    return counts ? [nodePort] : [];
  });
}

/** Ports that several Services have, or that lie outside the range; the first Service in the list keeps a port. */
export function judgeNodePorts(services: readonly Service[], first: number, last: number): { service: Service; finding: Finding }[] {
  const taken = new Set<number>();
  return services.flatMap((service) =>
    nodePortsOf(service).flatMap((port) => {
      const finding = (reason: string, message: string) => [{ service, finding: { reason, action: "PortAllocation", message } }];
      if (port < first || port > last) return finding("PortOutOfRange", `Port ${port} is not within the port range ${first}-${last}; please recreate service`);
      if (taken.has(port)) return finding("PortAlreadyAllocated", `Port ${port} was assigned to multiple services; please recreate service`);
      taken.add(port);
      return [];
    }),
  );
}
