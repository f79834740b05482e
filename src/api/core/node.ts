/** Nodes (pkg/registry/core/node). */
import { duplicate, type FieldError, forbiddenField, invalidValue, path, type Path, required, internalFieldError } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { isIPv6CIDR, isValidCIDRForLegacyField, warningsForCIDR, parseCIDR } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { isConfigMapKey } from "../names.ts";
import type { ConfigMapNodeConfigSource, Node, NodeConfigSource } from "../types/core-v1.gen.ts";
import { invalidAll, validatePositive } from "./checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { roundUpToMilli } from "./resource-list.ts";
import { validateQuantityValue } from "./resources.ts";
import { validateNodeAnnotations } from "./node-annotations.ts";
import { validateTaints } from "./tolerations.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const meta = path("metadata");

function validateResources(node: Node): FieldError[] {
  return (["capacity", "allocatable"] as const).flatMap((list) =>
    Object.entries(node.status?.[list] ?? {}).flatMap(([name, quantity]) => validateQuantityValue(name, quantity, path("status", list).child(name))),
  );
}

const featureName = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;

function featureError(name: string): string | undefined {
  if (Buffer.byteLength(name) > 253) return `invalid feature name ${goQuote(name)}: must be no more than 253 characters`;
  if (featureName.test(name)) return undefined;
  return `invalid feature name ${goQuote(name)}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
}

function validateDeclaredFeatures(node: Node): FieldError[] {
  const at = path("status", "declaredFeatures");
  const features = node.status?.declaredFeatures ?? [];
  const errors: FieldError[] = [];
  for (const [i, name] of features.entries()) {
    const wrong = featureError(name);
    if (wrong) errors.push(invalidValue(at.index(i), name, wrong));
    const next = features[i + 1];
    if (next === undefined) continue;
    if (next === name) errors.push(duplicate(at.index(i + 1), next));
    else if (name > next) errors.push(invalidValue(at.index(i + 1), next, "list must be sorted alphabetically"));
  }
  return errors;
}

function validateNode(node: Node): FieldError[] {
  const errors = [...validateMetadata(node.metadata, rules), ...validateNodeAnnotations(node.metadata.annotations, meta.child("annotations"))];
  errors.push(...validateTaints(node.spec.taints, meta.child("taints")), ...validateResources(node));
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined) errors.push(...validatePositive(swap, meta.child("nodeSwapStatus", "capacity")));
  errors.push(...validateDeclaredFeatures(node));
  const ranges = node.spec.podCIDRs ?? [];
  const at = path("spec", "podCIDRs");
  for (const [i, range] of ranges.entries()) errors.push(...isValidCIDRForLegacyField(at.index(i), range));
  const malformed = ranges.length > 1 ? ranges.findIndex((range) => parseCIDR(range) === undefined) : -1;
  if (malformed >= 0) {
    const why = `invalid CIDR[${malformed}]: <nil> (invalid CIDR address: ${ranges[malformed]})`;
    errors.push(internalFieldError(at, `invalid PodCIDRs. failed to check with dual stack with error:${why}`));
  }
  if (ranges.length > 1 && (malformed >= 0 || ranges.length > 2 || new Set(ranges.map(isIPv6CIDR)).size < 2))
    errors.push(invalidValue(at, ranges, "may specify no more than one CIDR for each IP family"));
  return errors;
}

function validateConfigMapSource(source: ConfigMapNodeConfigSource, at: Path, inSpec: boolean): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["uid", "resourceVersion"] as const) {
    if (inSpec && source[field]) errors.push(forbiddenField(at.child(field), `${field} must not be set in spec`));
    if (!inSpec && !source[field]) errors.push(required(at.child(field)));
  }
  const named = (field: "namespace" | "name" | "kubeletConfigKey", check: (value: string) => string[]): void => {
    const value = source[field];
    errors.push(...(value ? invalidAll(at.child(field), value, check(value)) : [required(at.child(field))]));
  };
  named("namespace", (value) => nameIsDNSLabel(value, false));
  named("name", (value) => nameIsDNSSubdomain(value, false));
  named("kubeletConfigKey", isConfigMapKey);
  return errors;
}

function validateConfigSource(source: NodeConfigSource | undefined, at: Path, inSpec: boolean): FieldError[] {
  if (!source) return [];
  if (source.configMap) return validateConfigMapSource(source.configMap, at.child("configMap"), inSpec);
  return [invalidValue(at, { ConfigMap: null }, "exactly one reference subfield must be non-nil")];
}

function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors = [
    ...validateMetadataUpdate(node.metadata, old.metadata),
    ...validateNodeAnnotations(node.metadata.annotations, meta.child("annotations")),
    ...validateResources(node),
  ];
  errors.push(...validateDeclaredFeatures(node));
  const seen = new Set<string>();
  for (const [i, address] of (node.status?.addresses ?? []).entries()) {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) errors.push(duplicate(path("status", "addresses").index(i), { Type: address.type, Address: address.address }));
    seen.add(key);
  }
  const before = old.spec.podCIDRs ?? [];
  const now = node.spec.podCIDRs ?? [];
  if (before.length) {
    const error = forbiddenField(path("spec", "podCIDRs"), 'node updates may not change podCIDR except from "" to valid');
    errors.push(...(before.length === now.length ? before.flatMap((range, i) => (range === now[i] ? [] : [error])) : [error]));
  }
  if (old.spec.providerID && old.spec.providerID !== node.spec.providerID)
    errors.push(forbiddenField(path("spec", "providerID"), 'node updates may not change providerID except from "" to valid'));
  errors.push(...validateConfigSource(node.spec.configSource, path("spec", "configSource"), true));
  for (const field of ["assigned", "active", "lastKnownGood"] as const)
    errors.push(...validateConfigSource(node.status?.config?.[field], path("status", "config", field), false));
  errors.push(...validateTaints(node.spec.taints, meta.child("taints")));
  if ((node.spec.externalID ?? "") !== (old.spec.externalID ?? "")) errors.push(forbiddenField(path("spec", "externalID"), "may not be updated"));
  return errors;
}

function warnings(node: Node): string[] {
  const found: string[] = [];
  if (node.spec.configSource) found.push("spec.configSource: the feature is removed");
  if (node.spec.externalID) found.push("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  return [...found, ...(node.spec.podCIDRs ?? []).flatMap((range, i) => warningsForCIDR(path("spec", "podCIDRs").index(i), range))];
}

/** Roles by label, sorted. */
export function nodeRoles(node: Node): string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith("node-role.kubernetes.io/")) roles.add(key.slice("node-role.kubernetes.io/".length));
    else if (key === "kubernetes.io/role") roles.add(value);
  }
  roles.delete("");
  return [...roles].sort();
}

const address = (node: Node, type: string): string => node.status?.addresses?.find((a) => a.type === type)?.address ?? "<none>";

export const nodeKind: Kind<Node> = {
  resource: "nodes",
  setDefaults(node) {
    node.spec ??= {};
    const { spec, status } = node;
    if (status) {
      if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
      roundUpToMilli(status.capacity);
      roundUpToMilli(status.allocatable);
    }
    // podCIDR and podCIDRs[0] are one value; podCIDR wins.
    if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
    if (spec.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0];
  },
  prepareForCreate(node) {
    delete node.spec.configSource;
    if (node.status) delete node.status.config;
  },
  validate: validateNode,
  warnings,
  prepareForUpdate(node, old) {
    node.status = old.status;
    if (!old.spec.configSource) delete node.spec.configSource;
  },
  validateUpdate: (node, old) => [...validateNode(node), ...validateNodeUpdate(node, old)],
  warningsOnUpdate: warnings,
  subresources: {
    status: {
      prepareForUpdate(node, old) {
        node.spec = old.spec;
        if (!old.status?.config && node.status) delete node.status.config;
      },
      validateUpdate: validateNodeUpdate,
    },
  },
  fields: (node) => ({ "spec.unschedulable": String(node.spec.unschedulable ?? false) }),
  cells(node, now) {
    const info = node.status?.nodeInfo;
    const ready = (node.status?.conditions ?? []).findLast((condition) => condition.type === "Ready");
    const state = ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown";
    return [
      node.metadata.name,
      node.spec.unschedulable ? `${state},SchedulingDisabled` : state,
      nodeRoles(node).join(",") || "<none>",
      age(node, now),
      info?.kubeletVersion ?? "",
      address(node, "InternalIP"),
      address(node, "ExternalIP"),
      info?.osImage || "<unknown>",
      (info?.kernelVersion || "<unknown>") + (info?.architecture ? ` (${info.architecture})` : ""),
      info?.containerRuntimeVersion || "<unknown>",
    ];
  },
};
