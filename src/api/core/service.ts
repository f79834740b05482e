/** Services (pkg/registry/core/service). Addresses and ports are allocated by the API server: see service-addresses.ts. */
import { type Path, path } from "../field.ts";
import { warningsForCIDR, warningsForIP } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSLabel } from "../meta/names.ts";
import type { Service, ServiceSpec } from "../types/core-v1.gen.ts";
import { age, formatLabels } from "./object-meta.ts";
import { isExternalName, needsHealthCheck, normalizeClusterIPs, sameClusterIPList, sameFamilies, usesNodePorts } from "./service-addresses.ts";
import { isExternallyAccessible, validateService, validateServiceStatusUpdate, validateServiceUpdate } from "./service-validation.ts";

const clientIpSeconds = 10800;

function setDefaults(service: Service): void {
  service.spec ??= {};
  service.status ??= { loadBalancer: {} };
  const spec = service.spec;
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: clientIpSeconds } };
  spec.type ||= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    if (!port.targetPort) port.targetPort = port.port ?? 0;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type === "NodePort" || spec.type === "LoadBalancer" || spec.type === "ClusterIP") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type !== "LoadBalancer") return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
}

/** What belongs to the old type and was left untouched goes with it. */
function dropTypeDependentFields(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  const left = (had: boolean, has: boolean): boolean => had && !has;
  const drop = (field: keyof ServiceSpec): void => {
    delete spec[field];
  };
  if (left(!isExternalName(old), !isExternalName(service))) {
    if ((before.clusterIP ?? "") === (spec.clusterIP ?? "") && sameClusterIPList(service, old)) {
      drop("clusterIP");
      drop("clusterIPs");
    }
    if (sameFamilies(service, old)) drop("ipFamilies");
    if (before.ipFamilyPolicy === spec.ipFamilyPolicy) drop("ipFamilyPolicy");
  }
  if (left(usesNodePorts(old), usesNodePorts(service))) {
    const known = new Set((before.ports ?? []).map((port) => port.nodePort));
    if ((spec.ports ?? []).every((port) => !port.nodePort || known.has(port.nodePort))) for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (left(needsHealthCheck(old), needsHealthCheck(service)) && before.healthCheckNodePort === spec.healthCheckNodePort) drop("healthCheckNodePort");
  if (left(before.type === "LoadBalancer", spec.type === "LoadBalancer")) {
    if (before.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts) drop("allocateLoadBalancerNodePorts");
    if (before.loadBalancerClass === spec.loadBalancerClass) drop("loadBalancerClass");
  }
  if (left(isExternallyAccessible(old), isExternallyAccessible(service)) && before.externalTrafficPolicy === spec.externalTrafficPolicy)
    drop("externalTrafficPolicy");
  if (spec.type !== "LoadBalancer") service.status = { ...service.status, loadBalancer: {} };
}

const warningsForEach = (values: string[] | undefined, at: Path, warn: (at: Path, value: string) => string[]): string[] =>
  (values ?? []).flatMap((value, i) => warn(at.index(i), value));

function warnings(service: Service): string[] {
  const at = path("spec");
  const { spec } = service;
  const found: string[] = [];
  if (service.metadata.annotations?.["service.kubernetes.io/topology-aware-hints"] !== undefined)
    found.push("annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead");
  if (spec.clusterIP && spec.clusterIP !== "None") found.push(...warningsForEach(spec.clusterIPs, at.child("clusterIPs"), warningsForIP));
  const headless = spec.type === "ClusterIP" && spec.clusterIP === "None";
  const external = spec.externalIPs ?? [];
  if (headless) {
    if (spec.loadBalancerIP) found.push("spec.loadBalancerIP is ignored for headless services");
    if (external.length) found.push("spec.externalIPs is ignored for headless services");
    if (spec.sessionAffinity !== "None") found.push("spec.SessionAffinity is ignored for headless services");
  }
  found.push(...warningsForEach(external, at.child("externalIPs"), warningsForIP));
  if (external.length && !headless && spec.type !== "ExternalName")
    found.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  if (spec.loadBalancerIP) found.push(...warningsForIP(at.child("loadBalancerIP"), spec.loadBalancerIP));
  found.push(...warningsForEach(spec.loadBalancerSourceRanges, at.child("loadBalancerSourceRanges"), warningsForCIDR));
  if (spec.type === "ExternalName" && external.length) found.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== "ExternalName" && spec.externalName) found.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose") found.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return found;
}

function externalIp({ spec, status }: Service): string {
  const own = spec.externalIPs ?? [];
  switch (spec.type) {
    case "ClusterIP":
    case "NodePort":
      return own.join(",") || "<none>";
    case "LoadBalancer": {
      const given = (status?.loadBalancer?.ingress ?? []).flatMap((ingress) => ingress.ip || ingress.hostname || []);
      return [...[...new Set(given)].sort(), ...own].join(",") || "<pending>";
    }
    case "ExternalName":
      return spec.externalName ?? "";
  }
  return "<unknown>";
}

export const serviceKind: Kind<Service> = {
  resource: "services",
  validateName: nameIsDNSLabel,
  allowCreateOnUpdate: true,
  setDefaults,
  prepareForCreate(service) {
    service.status = { loadBalancer: {} };
    normalizeClusterIPs(service);
  },
  validate: validateService,
  // Traffic never comes to an external name.
  conceals: { field: "spec.type", value: "ExternalName" },
  conceal(service) {
    if (isExternalName(service)) delete service.spec.internalTrafficPolicy;
  },
  warnings,
  prepareForUpdate(service, old) {
    service.status = old.status;
    dropTypeDependentFields(service, old);
  },
  validateUpdate: validateServiceUpdate,
  warningsOnUpdate: warnings,
  subresources: {
    status: {
      prepareForUpdate(service, old) {
        service.spec = old.spec;
      },
      validateUpdate: validateServiceStatusUpdate,
      warningsOnUpdate: (service) =>
        (service.status?.loadBalancer?.ingress ?? []).flatMap((ingress, i) =>
          ingress.ip ? warningsForIP(path("status", "loadBalancer", "ingress").index(i), ingress.ip) : [],
        ),
    },
  },
  fields: ({ spec }) => ({ "spec.clusterIP": spec.clusterIP ?? "", "spec.type": spec.type ?? "" }),
  cells(service, now) {
    const { metadata, spec } = service;
    const ports = (spec.ports ?? []).map((port) => (port.nodePort ? `${port.port}:${port.nodePort}/${port.protocol}` : `${port.port}/${port.protocol}`));
    return [
      metadata.name,
      spec.type ?? "",
      spec.clusterIPs?.[0] ?? "<none>",
      externalIp(service),
      ports.join(",") || "<none>",
      age(service, now),
      formatLabels(spec.selector),
    ];
  },
};
