/** NetworkPolicies (pkg/registry/networking/networkpolicy). */
import { deepEqual } from "../copy.ts";
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import { cidrContains, isValidCIDRForLegacyField, parseCIDR, warningsForCIDR } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isValidPortName, isValidPortNum } from "../names.ts";
import { formatLabelSelector } from "../selectors/labels.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec } from "../types/networking-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const specPath = path("spec");
const protocols = ["TCP", "UDP", "SCTP"];
const policyTypes = ["Ingress", "Egress"];

interface Leniency {
  allowInvalidLabelValue?: boolean;
  /** CIDRs that the stored object has already. */
  cidrs?: readonly string[];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, at: Path): FieldError[] {
  const errors: FieldError[] = protocol === undefined || protocols.includes(protocol) ? [] : [notSupported(at.child("protocol"), protocol, protocols)];
  const end = at.child("endPort");
  if (port === undefined) {
    if (endPort !== undefined) errors.push(invalidValue(end, endPort, "may not be specified when `port` is not specified"));
  } else if (typeof port === "number") {
    errors.push(...invalidAll(at.child("port"), port, isValidPortNum(port)));
    if (endPort !== undefined) {
      if (endPort < port) errors.push(invalidValue(end, port, "must be greater than or equal to `port`"));
      errors.push(...invalidAll(end, endPort, isValidPortNum(endPort)));
    }
  } else {
    if (endPort !== undefined) errors.push(invalidValue(end, endPort, "may not be specified when `port` is non-numeric"));
    errors.push(...invalidAll(at.child("port"), port, isValidPortName(port)));
  }
  return errors;
}

function validateBlock({ cidr = "", except = [] }: IPBlock, leniency: Leniency, at: Path): FieldError[] {
  if (!cidr) return [required(at.child("cidr"))];
  const errors = isValidCIDRForLegacyField(at.child("cidr"), cidr, leniency.cidrs);
  const whole = parseCIDR(cidr);
  if (!whole) return errors;
  for (const [i, text] of except.entries()) {
    const here = at.child("except").index(i);
    errors.push(...isValidCIDRForLegacyField(here, text, leniency.cidrs));
    const part = parseCIDR(text);
    if (part && (!cidrContains(whole, part.ip) || whole.prefix >= part.prefix)) errors.push(invalidValue(here, text, "must be a strict subset of `cidr`"));
  }
  return errors;
}

function validatePeer(peer: NetworkPolicyPeer, leniency: Leniency, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["podSelector", "namespaceSelector"] as const) errors.push(...validateLabelSelector(peer[field], leniency, at.child(field)));
  if (peer.ipBlock) errors.push(...validateBlock(peer.ipBlock, leniency, at.child("ipBlock")));
  const others = [peer.podSelector, peer.namespaceSelector].filter(Boolean).length;
  if (!others && !peer.ipBlock) errors.push(required(at, "must specify a peer"));
  else if (others && peer.ipBlock) errors.push(forbiddenField(at, "may not specify both ipBlock and another peer"));
  return errors;
}

interface Direction {
  at: Path;
  peersAt: Path;
  ports: NetworkPolicyPort[];
  peers: NetworkPolicyPeer[];
}

/** Ingress rules, then egress rules. */
const directions = ({ ingress, egress }: NetworkPolicySpec): Direction[] => {
  const at = (list: string, i: number): Path => specPath.child(list).index(i);
  return [
    ...(ingress ?? []).map(({ ports, from }, i) => ({ at: at("ingress", i), peersAt: at("ingress", i).child("from"), ports: ports ?? [], peers: from ?? [] })),
    ...(egress ?? []).map(({ ports, to }, i) => ({ at: at("egress", i), peersAt: at("egress", i).child("to"), ports: ports ?? [], peers: to ?? [] })),
  ];
};

function validateSpec(spec: NetworkPolicySpec, leniency: Leniency): FieldError[] {
  const errors = validateLabelSelector(spec.podSelector, leniency, specPath.child("podSelector"));
  for (const { at, peersAt, ports, peers } of directions(spec)) {
    errors.push(...ports.flatMap((port, i) => validatePort(port, at.child("ports").index(i))));
    errors.push(...peers.flatMap((peer, i) => validatePeer(peer, leniency, peersAt.index(i))));
  }
  const types = spec.policyTypes ?? [];
  const here = specPath.child("policyTypes");
  if (types.length > policyTypes.length) return [...errors, invalidValue(here, types, "may not specify more than two policyTypes")];
  return [...errors, ...types.flatMap((type, i) => (policyTypes.includes(type) ? [] : [notSupported(here.index(i), type, policyTypes)]))];
}

const blocks = (spec: NetworkPolicySpec): IPBlock[] => directions(spec).flatMap(({ peers }) => peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : [])));

function warnings({ spec }: NetworkPolicy): string[] {
  return directions(spec).flatMap(({ peersAt, peers }) =>
    peers.flatMap(({ ipBlock }, i) => {
      if (!ipBlock) return [];
      const at = peersAt.index(i).child("ipBlock");
      return [
        ...warningsForCIDR(at.child("cidr"), ipBlock.cidr),
        ...(ipBlock.except ?? []).flatMap((text, j) => warningsForCIDR(at.child("except").index(j), text)),
      ];
    }),
  );
}

export const networkPolicyKind: Kind<NetworkPolicy> = {
  resource: "networkpolicies.networking.k8s.io",
  refused: "network policies are not enforced by this cluster yet",
  setDefaults(policy) {
    policy.spec ??= { podSelector: {} };
    const { spec } = policy;
    for (const { ports } of directions(spec)) for (const port of ports) port.protocol ??= "TCP";
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  },
  prepareForCreate(policy) {
    policy.metadata.generation = 1;
  },
  validate: (policy) => [...validateMetadata(policy.metadata, rules), ...validateSpec(policy.spec, {})],
  warnings,
  prepareForUpdate(policy, old) {
    // An empty list where there was none is a change: upstream compares literally here.
    if (!deepEqual(policy.spec, old.spec)) policy.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate(policy, old) {
    const leniency = {
      allowInvalidLabelValue: validateLabelSelector(old.spec.podSelector, {}, specPath).length > 0,
      cidrs: blocks(old.spec).flatMap(({ cidr, except }) => [cidr, ...(except ?? [])]),
    };
    return [...validateMetadataUpdate(policy.metadata, old.metadata), ...validateSpec(policy.spec, leniency)];
  },
  warningsOnUpdate: warnings,
  cells: (policy, now) => [policy.metadata.name, formatLabelSelector(policy.spec.podSelector ?? {}), age(policy, now)],
};
