/**
 * Cluster addresses and node ports of a Service before they are allocated: linked fields are brought into agreement, IP
 * families decided (pkg/registry/core/service/storage). The API server does this before anything else looks at a Service.
 */
import { type FieldError, invalidValue, path } from "../field.ts";
import { isIPv6 } from "../ip.ts";
import type { Service } from "../types/core-v1.gen.ts";
import { validateClusterIPs } from "./service-cluster-ips.ts";

const sameList = (a: string[] | undefined, b: string[] | undefined): boolean => JSON.stringify(a ?? []) === JSON.stringify(b ?? []);
export const isExternalName = (service: Service): boolean => service.spec.type === "ExternalName";
export const usesNodePorts = (service: Service): boolean => service.spec.type === "NodePort" || service.spec.type === "LoadBalancer";
export const needsHealthCheck = (service: Service): boolean => service.spec.type === "LoadBalancer" && service.spec.externalTrafficPolicy === "Local";
export const sameClusterIPList = (a: Service, b: Service): boolean => sameList(a.spec.clusterIPs, b.spec.clusterIPs);
export const sameFamilies = (a: Service, b: Service): boolean => sameList(a.spec.ipFamilies, b.spec.ipFamilies);

/** Each of its ports gets one, whether the client asks for it or not. */
export const needsNodePorts = (service: Service): boolean =>
  service.spec.type === "NodePort" || (service.spec.type === "LoadBalancer" && service.spec.allocateLoadBalancerNodePorts !== false);

/** A client that knows only clusterIP sets, keeps and clears clusterIPs with it. */
export function normalizeClusterIPs(service: Service, old?: Service): void {
  const { spec } = service;
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = old.spec;
  if (before.clusterIPs?.length && !spec.clusterIPs?.length && (before.clusterIP ?? "") === (spec.clusterIP ?? "")) spec.clusterIPs = before.clusterIPs;
  if ((before.clusterIP ?? "") === (spec.clusterIP ?? "") || !sameClusterIPList(old, service)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

/** Addresses and ports that an update leaves out stay as they are. */
export function keepAllocatedValues(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  if (!isExternalName(old) && !isExternalName(service)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = before.clusterIPs;
  }
  if (needsNodePorts(old) && needsNodePorts(service)) {
    const ports = (of: Service): Set<number> => new Set((of.spec.ports ?? []).flatMap((port) => port.nodePort || []));
    const now = ports(service);
    const used = new Set([...ports(old)].filter((port) => now.has(port)));
    const byName = new Map((before.ports ?? []).map((port) => [port.name ?? "", port.nodePort]));
    for (const port of spec.ports ?? []) {
      const known = byName.get(port.name ?? "");
      if (!port.nodePort && known && !used.has(known)) port.nodePort = known;
    }
  }
  if (needsHealthCheck(old) && needsHealthCheck(service) && before.healthCheckNodePort) spec.healthCheckNodePort ||= before.healthCheckNodePort;
}

const familyOf = (ip: string): string => (isIPv6(ip) ? "IPv6" : "IPv4");
const other = (family: string): string => (family === "IPv4" ? "IPv6" : "IPv4");
const reduced = (list: string[] | undefined, old: string[] | undefined): boolean => (list?.length ?? 0) > 0 && list!.length < (old?.length ?? 0);

/** A Service that prefers two families keeps what it has when the cluster changes. */
const keepsPreferDualStack = (service: Service, old: Service | undefined): boolean =>
  old !== undefined &&
  service.spec.ipFamilyPolicy === "PreferDualStack" &&
  old.spec.type === service.spec.type &&
  (old.spec.ipFamilyPolicy ?? "PreferDualStack") === "PreferDualStack" &&
  sameClusterIPList(service, old) &&
  sameFamilies(service, old);

/**
 * Sets ipFamilyPolicy and ipFamilies from what the Service says and the cluster offers (`configured`, the default
 * first). The errors stop the request before any other validation.
 */
export function initIpFamilies(service: Service, old: Service | undefined, configured: readonly string[]): FieldError[] {
  const { spec } = service;
  if (isExternalName(service) || keepsPreferDualStack(service, old)) return [];
  const selectorless = spec.clusterIP === "None" && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (selectorless ? "RequireDualStack" : "SingleStack");
  const malformed = validateClusterIPs(service, old);
  if (malformed.length) return malformed;
  const policyPath = path("spec", "ipFamilyPolicy");
  const errors: FieldError[] = [];
  const wrongPolicy = (why: string): void => {
    errors.push(invalidValue(policyPath, spec.ipFamilyPolicy, why));
  };
  const single = spec.ipFamilyPolicy === "SingleStack";
  if (old && single) {
    if (sameClusterIPList(service, old) && (spec.clusterIPs?.length ?? 0) > 1) spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
    if (sameFamilies(service, old) && (spec.ipFamilies?.length ?? 0) > 1) spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
  } else if (old) {
    if (reduced(spec.clusterIPs, old.spec.clusterIPs)) wrongPolicy("must be 'SingleStack' to release the secondary cluster IP");
    if (reduced(spec.ipFamilies, old.spec.ipFamilies)) wrongPolicy("must be 'SingleStack' to release the secondary IP family");
  }
  if (single && spec.clusterIPs?.length === 2) wrongPolicy("must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
  if (single && spec.ipFamilies?.length === 2) wrongPolicy("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  const families = [...(spec.ipFamilies ?? [])];
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === "None") break;
    if (i < families.length) continue;
    if (configured.includes(familyOf(ip))) families.push(familyOf(ip));
    else errors.push(invalidValue(path("spec", "clusterIPs").index(i), spec.clusterIPs, `${familyOf(ip)} is not configured on this cluster`));
  }
  if (errors.length) return errors;
  if (selectorless) {
    if (!families.length) families.push(configured[0]!);
    if (families.length < 2 && !single) families.push(other(families[0]!));
    spec.ipFamilies = families;
    return [];
  }
  if (spec.ipFamilyPolicy === "RequireDualStack" && configured.length < 2) wrongPolicy("this cluster is not configured for dual-stack services");
  for (const [i, family] of families.entries()) {
    if (!configured.includes(family)) errors.push(invalidValue(path("spec", "ipFamilies").index(i), family, "not configured on this cluster"));
  }
  if (errors.length) return errors;
  if (!families.length) families.push(configured[0]!);
  if (!single && families.length === 1 && configured.length === 2) families.push(other(families[0]!));
  spec.ipFamilies = families;
  return [];
}
