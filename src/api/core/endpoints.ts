/** Endpoints (pkg/registry/core/endpoint). */
import { type FieldError, type Path, path, required } from "../field.ts";
import { isValidIPForLegacyField, warningsForIP } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isValidPortNum } from "../names.ts";
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from "../types/core-v1.gen.ts";
import { invalidAll, requiredOneOf, validateDNSLabel, validateQualifiedName } from "./checks.ts";
import { validateEndpointIP } from "./ip-rules.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { semanticEqual } from "./semantic.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };

function validateAddress(address: EndpointAddress, at: Path): FieldError[] {
  const errors = isValidIPForLegacyField(at.child("ip"), address.ip ?? "");
  if (address.hostname) errors.push(...validateDNSLabel(address.hostname, at.child("hostname")));
  if (address.nodeName !== undefined) errors.push(...invalidAll(at.child("nodeName"), address.nodeName, nameIsDNSSubdomain(address.nodeName, false)));
  return [...errors, ...validateEndpointIP(address.ip ?? "", at.child("ip"))];
}

function validatePort(port: EndpointPort, requireName: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (requireName && !port.name) errors.push(required(at.child("name")));
  else if (port.name) errors.push(...validateDNSLabel(port.name, at.child("name")));
  errors.push(...invalidAll(at.child("port"), port.port ?? 0, isValidPortNum(port.port ?? 0)));
  errors.push(...requiredOneOf(port.protocol, ["SCTP", "TCP", "UDP"], at.child("protocol")));
  if (port.appProtocol !== undefined) errors.push(...validateQualifiedName(port.appProtocol, at.child("appProtocol")));
  return errors;
}

function validateSubset(subset: EndpointSubset, at: Path): FieldError[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  return [
    ...(addresses.length || notReadyAddresses.length ? [] : [required(at, "must specify `addresses` or `notReadyAddresses`")]),
    ...addresses.flatMap((address, i) => validateAddress(address, at.child("addresses").index(i))),
    ...notReadyAddresses.flatMap((address, i) => validateAddress(address, at.child("notReadyAddresses").index(i))),
    ...ports.flatMap((port, i) => validatePort(port, ports.length > 1, at.child("ports").index(i))),
  ];
}

function validateEndpoints(endpoints: Endpoints, old?: Endpoints): FieldError[] {
  const errors = validateMetadata(endpoints.metadata, rules);
  if (old && semanticEqual(old.subsets, endpoints.subsets)) return errors;
  return [...errors, ...(endpoints.subsets ?? []).flatMap((subset, i) => validateSubset(subset, path("subsets").index(i)))];
}

function warnings(endpoints: Endpoints): string[] {
  if (endpoints.metadata.labels?.["endpoints.kubernetes.io/managed-by"] === "endpoint-controller") return [];
  return (endpoints.subsets ?? []).flatMap((subset, i) =>
    (["addresses", "notReadyAddresses"] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap((address, j) => warningsForIP(path("subsets").index(i).child(list).index(j).child("ip"), address.ip)),
    ),
  );
}

const shown = 3;

function addressesText(endpoints: Endpoints): string {
  if (!endpoints.subsets?.length) return "<none>";
  const all = endpoints.subsets.flatMap(({ addresses = [], ports = [] }) => {
    if (!ports.length) return addresses.map((address) => address.ip);
    return ports.flatMap((port) => addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]:${port.port}` : `${ip}:${port.port}`)));
  });
  const text = all.slice(0, shown).join(",");
  return all.length > shown ? `${text} + ${all.length - shown} more...` : text;
}

export const endpointsKind: Kind<Endpoints> = {
  resource: "endpoints",
  allowCreateOnUpdate: true,
  setDefaults(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  },
  validate: (endpoints) => validateEndpoints(endpoints),
  warnings,
  validateUpdate: (endpoints, old) => [...validateMetadataUpdate(endpoints.metadata, old.metadata), ...validateEndpoints(endpoints, old)],
  warningsOnUpdate: warnings,
  cells: (endpoints, now) => [endpoints.metadata.name, addressesText(endpoints), age(endpoints, now)],
};
