/** EndpointSlices (pkg/registry/discovery/endpointslice). */
import { invalidAll, validateDNSLabel, validateQualifiedName, validateImmutableNamed } from "../core/checks.ts";
import { validateEndpointIP } from "../core/ip-rules.ts";
import { age, validateMetadata } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { protocols } from "../core/service-validation.ts";
import { duplicate, type FieldError, invalidValue, notSupported, type Path, path, required, tooMany, duplicateNamed } from "../field.ts";
import { isIPv4, isIPv6, isValidIP, isValidIPForLegacyField, warningsForIP } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { validateLabels } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isDNS1123Label, isDNS1123Subdomain, isValidLabelValue } from "../names.ts";
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from "../types/discovery-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxEndpoints = 1000;
const maxPorts = 20_000;
const maxAddresses = 100;
const maxTopologyLabels = 16;
const maxHints = 8;
const managedBy = "endpointslice.kubernetes.io/managed-by";
const controllers = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

function validateDomainName(given: string, at: Path): FieldError[] {
  if (!given) return [required(at)];
  const name = given.endsWith(".") ? given.slice(0, -1) : given;
  const wrong = isDNS1123Subdomain(name);
  if (wrong.length) return [invalidValue(at, name, wrong.join(","))];
  const labels = name.split(".");
  if (labels.length < 2) return [invalidValue(at, name, "should be a domain with at least two segments separated by dots")];
  const bad = labels.find((label) => isDNS1123Label(label).length > 0);
  return bad === undefined ? [] : [invalidValue(at, bad, isDNS1123Label(bad).join(","))];
}

/** The family's own error is reported at the list. */
function validateAddress(address: string, type: string, list: Path, i: number): FieldError[] {
  const at = list.index(i);
  if (type === "FQDN") return validateDomainName(address, at);
  if (type !== "IPv4" && type !== "IPv6") return [];
  const malformed = type === "IPv4" ? isValidIPForLegacyField(at, address) : isValidIP(at, address);
  if (malformed.length) return malformed;
  const fits = type === "IPv4" ? isIPv4(address) : isIPv6(address);
  return [...(fits ? [] : [invalidValue(list, address, `must be an ${type} address`)]), ...validateEndpointIP(address, at)];
}

/** Too many names end the check. */
function validateNames(names: { name?: string }[], messages: (name: string) => string[], at: Path): { errors: FieldError[]; ended: boolean } {
  if (names.length > maxHints) return { errors: [tooMany(at, names.length, maxHints)], ended: true };
  const seen = new Set<string>();
  const errors = names.flatMap(({ name = "" }, i) => {
    const here = at.index(i).child("name");
    const repeated = seen.has(name) ? [duplicate(here, name)] : [];
    seen.add(name);
    return [...repeated, ...invalidAll(here, name, messages(name))];
  });
  return { errors, ended: false };
}

function validateHints(hints: EndpointHints, at: Path): FieldError[] {
  const zones = validateNames(hints.forZones ?? [], isValidLabelValue, at.child("forZones"));
  if (zones.ended) return zones.errors;
  return [...zones.errors, ...validateNames(hints.forNodes ?? [], (name) => nameIsDNSSubdomain(name, false), at.child("forNodes")).errors];
}

function validateEndpoint(endpoint: Endpoint, type: string, at: Path): FieldError[] {
  const { addresses = [], nodeName, deprecatedTopology: topology, hostname, hints } = endpoint;
  const list = at.child("addresses");
  const errors: FieldError[] = [];
  if (!addresses?.length) errors.push(required(list, "must contain at least 1 address"));
  else if (addresses.length > maxAddresses) errors.push(tooMany(list, addresses.length, maxAddresses));
  errors.push(...(addresses ?? []).flatMap((address, i) => validateAddress(address, type, list, i)));
  if (nodeName !== undefined) errors.push(...invalidAll(at.child("nodeName"), nodeName, nameIsDNSSubdomain(nodeName, false)));
  const topologyPath = at.child("deprecatedTopology");
  const labels = Object.keys(topology ?? {}).length;
  if (labels > maxTopologyLabels) errors.push(tooMany(topologyPath, labels, maxTopologyLabels));
  errors.push(...validateLabels(topology ?? {}, topologyPath));
  if (hostname !== undefined) errors.push(...validateDNSLabel(hostname, at.child("hostname")));
  return hints ? [...errors, ...validateHints(hints, at.child("hints"))] : errors;
}

function validateEndpoints({ endpoints = [], addressType }: EndpointSlice): FieldError[] {
  const at = path("endpoints");
  if ((endpoints?.length ?? 0) > maxEndpoints) return [tooMany(at, endpoints.length, maxEndpoints)];
  return (endpoints ?? []).flatMap((endpoint, i) => validateEndpoint(endpoint, addressType ?? "", at.index(i)));
}

function validatePort({ name = "", protocol, appProtocol }: EndpointPort, seen: Set<string>, at: Path): FieldError[] {
  const errors = name ? validateDNSLabel(name, at.child("name")) : [];
  if (seen.has(name)) errors.push(duplicateNamed(at.child("name"), name));
  seen.add(name);
  if (protocol === undefined) errors.push(required(at.child("protocol")));
  else if (!protocols.includes(protocol)) errors.push(notSupported(at.child("protocol"), protocol, protocols));
  return appProtocol === undefined ? errors : [...errors, ...validateQualifiedName(appProtocol, at.child("appProtocol"))];
}

function validatePorts({ ports }: EndpointSlice): FieldError[] {
  const at = path("ports");
  if ((ports?.length ?? 0) > maxPorts) return [tooMany(at, ports?.length ?? 0, maxPorts)];
  const seen = new Set<string>();
  return (ports ?? []).flatMap((port, i) => validatePort(port, seen, at.index(i)));
}

function validate(slice: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const type = slice.addressType ?? "";
  const errors = validateMetadata(slice.metadata, rules);
  if (!type) errors.push(required("addressType"));
  else if (!addressTypes.includes(type)) errors.push(notSupported("addressType", type, addressTypes));
  errors.push(...validatePorts(slice));
  // What was stored under older rules may stay.
  return old && semanticEqual(old.endpoints, slice.endpoints) ? errors : [...errors, ...validateEndpoints(slice)];
}

function addressWarnings(slice: EndpointSlice): string[] {
  if (controllers.includes(slice.metadata.labels?.[managedBy] ?? "")) return [];
  const at = path("endpoints");
  return (slice.endpoints ?? []).flatMap((endpoint, i) =>
    (endpoint.addresses ?? []).flatMap((address, j) => warningsForIP(at.index(i).child("addresses").index(j), address)),
  );
}

/** Topology is told by nodeName and zone; the map of former times is not kept. */
function dropTopology(slice: EndpointSlice, old?: EndpointSlice): void {
  if (old && semanticEqual(old.endpoints, slice.endpoints)) return;
  for (const endpoint of slice.endpoints ?? []) delete endpoint.deprecatedTopology;
}

const shown = 3;
function summary(values: string[]): string {
  const text = values.slice(0, shown).join(",");
  return values.length > shown ? `${text} + ${values.length - shown} more...` : text || "<unset>";
}

export const endpointSliceKind: Kind<EndpointSlice> = {
  resource: "endpointslices.discovery.k8s.io",
  setDefaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
  prepareForCreate(slice) {
    slice.metadata.generation = 1;
    dropTopology(slice);
  },
  validate: (slice) => validate(slice),
  warnings: (slice) => [...(slice.addressType === "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []), ...addressWarnings(slice)],
  prepareForUpdate(slice, old) {
    const content = ({ addressType, endpoints, ports }: EndpointSlice): object => ({ addressType, endpoints, ports });
    const same = semanticEqual(content(slice), content(old)) && semanticEqual(slice.metadata.labels ?? {}, old.metadata.labels ?? {});
    if (!same) slice.metadata.generation = (old.metadata.generation ?? 0) + 1;
    dropTopology(slice, old);
  },
  validateUpdate: (slice, old) => [...validate(slice, old), ...validateImmutableNamed(slice.addressType, old.addressType, path("addressType"))],
  warningsOnUpdate: addressWarnings,
  cells: (slice, now) => [
    slice.metadata.name,
    slice.addressType,
    summary((slice.ports ?? []).map((port) => (port.port === undefined ? (port.name ?? "*") : String(port.port)))),
    summary((slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? [])),
    age(slice, now),
  ],
};
