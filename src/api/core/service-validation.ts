/** Validation of Services (pkg/apis/core/validation). */
import { duplicate, type FieldError, forbiddenField, invalidValue, notSupportedText, type Path, path, required, invalidNamed } from "../field.ts";
import { isValidCIDRForLegacyField, isValidIPForLegacyField, parseIP } from "../ip.ts";
import { validateLabels } from "../meta/labels.ts";
import { nameIsDNSLabel } from "../meta/names.ts";
import { isDNS1123Subdomain, isValidPortNum } from "../names.ts";
import type { Service, ServicePort } from "../types/core-v1.gen.ts";
import { invalidAll, oneOf, requiredOneOf, validateDNSLabel, validateDNSSubdomain, validatePortNumOrName, validateQualifiedName } from "./checks.ts";
import { validateEndpointIP } from "./ip-rules.ts";
import { validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { needsHealthCheck } from "./service-addresses.ts";
import { isHeadless, validateClusterIPChange, validateClusterIPs } from "./service-cluster-ips.ts";

const spec = path("spec");
const rules = { namespaced: true, validateName: nameIsDNSLabel };
export const protocols = ["SCTP", "TCP", "UDP"];
const maxAffinitySeconds = 86400;

export const isExternallyAccessible = ({ spec: s }: Service): boolean =>
  s.type === "LoadBalancer" || s.type === "NodePort" || (s.type === "ClusterIP" && (s.externalIPs?.length ?? 0) > 0);

function validateTopologyAnnotations(service: Service): FieldError[] {
  const hints = service.metadata.annotations?.["service.kubernetes.io/topology-aware-hints"];
  const mode = service.metadata.annotations?.["service.kubernetes.io/topology-mode"];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const why = "must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified";
  return [invalidValue(path("metadata", "annotations").key("service.kubernetes.io/topology-mode"), mode, why)];
}

function validateType(service: Service): FieldError[] {
  const s = service.spec;
  if (s.type === "LoadBalancer" || s.type === "NodePort") {
    return isHeadless(service) ? [invalidValue(spec.child("clusterIPs").index(0), "None", `may not be set to 'None' for ${s.type} services`)] : [];
  }
  if (s.type !== "ExternalName") return [];
  const errors: FieldError[] = [];
  for (const [field, set] of [
    ["clusterIPs", s.clusterIPs?.length],
    ["ipFamilies", s.ipFamilies?.length],
    ["ipFamilyPolicy", s.ipFamilyPolicy !== undefined],
  ] as const) {
    if (set) errors.push(forbiddenField(spec.child(field), "may not be set for ExternalName services"));
  }
  const name = (s.externalName ?? "").replace(/\.$/, "");
  return [...errors, ...(name ? validateDNSSubdomain(name, spec.child("externalName")) : [required(spec.child("externalName"))])];
}

function validatePort(port: ServicePort, requireName: boolean, names: Set<string>, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (requireName && !port.name) errors.push(required(at.child("name")));
  else if (port.name) {
    errors.push(...validateDNSLabel(port.name, at.child("name")));
    if (names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
    names.add(port.name);
  }
  errors.push(...invalidAll(at.child("port"), port.port ?? 0, isValidPortNum(port.port ?? 0)));
  errors.push(...requiredOneOf(port.protocol, protocols, at.child("protocol")));
  errors.push(...validatePortNumOrName(port.targetPort, at.child("targetPort")));
  if (port.appProtocol !== undefined) errors.push(...validateQualifiedName(port.appProtocol, at.child("appProtocol")));
  return errors;
}

function validateAffinity(service: Service): FieldError[] {
  const { sessionAffinity: kind, sessionAffinityConfig: config } = service.spec;
  const errors = requiredOneOf(kind, ["ClientIP", "None"], spec.child("sessionAffinity"));
  const at = spec.child("sessionAffinityConfig");
  if (kind === "None" && config) errors.push(forbiddenField(at, "must not be set when session affinity is None"));
  if (kind !== "ClientIP") return errors;
  const why = "when session affinity type is ClientIP";
  if (!config) return [...errors, required(at, why)];
  if (!config.clientIP) return [...errors, required(at.child("clientIP"), why)];
  const seconds = config.clientIP.timeoutSeconds;
  const here = at.child("clientIP").child("timeoutSeconds");
  if (seconds === undefined) return [...errors, required(here, why)];
  if (seconds <= 0 || seconds > maxAffinitySeconds) errors.push(invalidValue(here, seconds, `must be greater than 0 and less than ${maxAffinitySeconds}`));
  return errors;
}

function validateUniquePorts(ports: ServicePort[]): FieldError[] {
  const at = spec.child("ports");
  const errors: FieldError[] = [];
  const seenNodePorts = new Set<string>();
  for (const [i, port] of ports.entries()) {
    if (!port.nodePort) continue;
    const key = `${port.protocol}/${port.nodePort}`;
    if (seenNodePorts.has(key)) errors.push(duplicate(at.index(i).child("nodePort"), port.nodePort));
    seenNodePorts.add(key);
  }
  const seen = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const key = `${port.protocol}/${port.port}`;
    // The form of upstream's internal type.
    const shown = { Name: "", Protocol: port.protocol ?? "", AppProtocol: null, Port: port.port ?? 0, TargetPort: 0, NodePort: 0 };
    if (seen.has(key)) errors.push(duplicate(at.index(i), shown));
    seen.add(key);
  }
  return errors;
}

const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";

function validateSourceRanges(service: Service, old: Service | undefined): FieldError[] {
  const ranges = service.spec.loadBalancerSourceRanges ?? [];
  const annotation = service.metadata.annotations?.[rangesAnnotation];
  const at = ranges.length ? spec.child("LoadBalancerSourceRanges") : path("metadata", "annotations").key(rangesAnnotation);
  if (!ranges.length && annotation === undefined) return [];
  const errors: FieldError[] = service.spec.type === "LoadBalancer" ? [] : [forbiddenField(at, "may only be used when `type` is 'LoadBalancer'")];
  if (ranges.length) {
    const known = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    return [...errors, ...ranges.flatMap((range, i) => isValidCIDRForLegacyField(at.index(i), range.trim(), known))];
  }
  if (old?.metadata.annotations?.[rangesAnnotation] === annotation || !annotation!.trim()) return errors;
  return [...errors, ...annotation!.split(",").flatMap((range) => isValidCIDRForLegacyField(at, range.trim()))];
}

function validateLoadBalancerClass(service: Service, old: Service | undefined): FieldError[] {
  const at = spec.child("loadBalancerClass");
  const value = service.spec.loadBalancerClass;
  const errors: FieldError[] = [];
  const balanced = service.spec.type === "LoadBalancer";
  if (balanced && old?.spec.type === "LoadBalancer" && old.spec.loadBalancerClass !== value) errors.push(invalidNamed(at, value, "may not change once set"));
  if (value === undefined) return errors;
  return [...errors, ...(balanced ? validateQualifiedName(value, at) : [forbiddenField(at, "may only be used when `type` is 'LoadBalancer'")])];
}

function validateTrafficPolicies(service: Service): FieldError[] {
  const s = service.spec;
  const errors: FieldError[] = [];
  const external = spec.child("externalTrafficPolicy");
  if (isExternallyAccessible(service)) errors.push(...requiredOneOf(s.externalTrafficPolicy, ["Cluster", "Local"], external));
  else if (s.externalTrafficPolicy) errors.push(invalidNamed(external, s.externalTrafficPolicy, "may only be set for externally-accessible services"));
  const health = spec.child("healthCheckNodePort");
  const port = s.healthCheckNodePort ?? 0;
  if (!needsHealthCheck(service)) {
    if (port) errors.push(invalidValue(health, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  } else if (!port) errors.push(required(health));
  else errors.push(...invalidAll(health, port, isValidPortNum(port)));
  const internal = spec.child("internalTrafficPolicy");
  if (s.internalTrafficPolicy === undefined) {
    if (s.type === "NodePort" || s.type === "LoadBalancer" || s.type === "ClusterIP") errors.push(required(internal));
  } else errors.push(...oneOf(s.internalTrafficPolicy, ["Cluster", "Local"], internal));
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
  if (s.trafficDistribution !== undefined && !distributions.includes(s.trafficDistribution))
    errors.push(notSupportedText(spec.child("trafficDistribution"), s.trafficDistribution, distributions));
  return errors;
}

function validate(service: Service, old: Service | undefined): FieldError[] {
  const s = service.spec;
  const ports = s.ports ?? [];
  const errors = validateTopologyAnnotations(service);
  if (!ports.length && !isHeadless(service) && s.type !== "ExternalName") errors.push(required(spec.child("ports")));
  errors.push(...validateType(service));
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) errors.push(...validatePort(port, ports.length > 1, names, spec.child("ports").index(i)));
  if (s.selector) errors.push(...validateLabels(s.selector, spec.child("selector")));
  errors.push(...validateAffinity(service), ...validateClusterIPs(service, old));
  for (const [i, ip] of (s.externalIPs ?? []).entries()) {
    const at = spec.child("externalIPs").index(i);
    const malformed = isValidIPForLegacyField(at, ip, old?.spec.externalIPs);
    errors.push(...(malformed.length ? malformed : validateEndpointIP(ip, at)));
  }
  errors.push(...requiredOneOf(s.type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], spec.child("type")));
  if (s.type === "ClusterIP") {
    for (const [i, port] of ports.entries()) {
      if (port.nodePort) errors.push(forbiddenField(spec.child("ports").index(i).child("nodePort"), "may not be used when `type` is 'ClusterIP'"));
    }
  }
  errors.push(...validateUniquePorts(ports), ...validateSourceRanges(service, old));
  const allocate = s.allocateLoadBalancerNodePorts;
  if (allocate !== undefined && s.type !== "LoadBalancer")
    errors.push(forbiddenField(spec.child("allocateLoadBalancerNodePorts"), "may only be used when `type` is 'LoadBalancer'"));
  if (allocate === undefined && s.type === "LoadBalancer") errors.push(required("allocateLoadBalancerNodePorts"));
  return [...errors, ...validateLoadBalancerClass(service, undefined), ...validateTrafficPolicies(service)];
}

export const validateService = (service: Service): FieldError[] => [...validateMetadata(service.metadata, rules), ...validate(service, undefined)];

export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const errors = [
    ...validateMetadataUpdate(service.metadata, old.metadata),
    ...validateClusterIPChange(service, old),
    ...validateLoadBalancerClass(service, old),
  ];
  const health = (of: Service): number => of.spec.healthCheckNodePort ?? 0;
  if (needsHealthCheck(old) && needsHealthCheck(service) && health(old) !== health(service))
    errors.push(forbiddenField(spec.child("healthCheckNodePort"), "field is immutable"));
  return [...errors, ...validate(service, old)];
}

export function validateServiceStatusUpdate(service: Service, old: Service): FieldError[] {
  const errors = validateMetadataUpdate(service.metadata, old.metadata);
  const ingresses = service.status?.loadBalancer?.ingress ?? [];
  const at = path("status", "loadBalancer", "ingress");
  if (service.spec.type !== "LoadBalancer" && ingresses.length) return [...errors, forbiddenField(at, "may only be used when `spec.type` is 'LoadBalancer'")];
  const known = (old.status?.loadBalancer?.ingress ?? []).flatMap((ingress) => ingress.ip || []);
  for (const [i, { ip, ipMode, hostname }] of ingresses.entries()) {
    const here = at.index(i);
    if (ip) errors.push(...isValidIPForLegacyField(here.child("ip"), ip, known));
    if (ipMode === undefined) {
      if (ip) errors.push(required(here.child("ipMode"), "must be specified when `ip` is set"));
    } else if (!ip) errors.push(forbiddenField(here.child("ipMode"), "may not be specified when `ip` is not set"));
    else errors.push(...oneOf(ipMode, ["Proxy", "VIP"], here.child("ipMode")));
    if (!hostname) continue;
    errors.push(...invalidAll(here.child("hostname"), hostname, isDNS1123Subdomain(hostname)));
    if (parseIP(hostname)) errors.push(invalidValue(here.child("hostname"), hostname, "must be a DNS name, not an IP address"));
  }
  return errors;
}
