/** ResourceQuotas (pkg/registry/core/resourcequota). */
import { type FieldError, invalidNamed, invalidValue, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { ResourceQuota, ResourceQuotaSpec } from "../types/core-v1.gen.ts";
import { fieldImmutableMessage } from "./checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { canonicalQuantity, compareQuantities, type ResourceList, roundUpToMilli } from "./resource-list.ts";
import { isStandardQuotaResource } from "./resource-names.ts";
import { validateQuantityValue, validateQuotaResourceName } from "./resources.ts";
import { table } from "../../base/table.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const podResources = ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const claimResources = ["persistentvolumeclaims", "requests.storage"];
/** What each scope may limit. */
const scopes = table<string[]>({
  Terminating: podResources,
  NotTerminating: podResources,
  BestEffort: ["pods"],
  NotBestEffort: podResources,
  PriorityClass: podResources,
  CrossNamespacePodAffinity: podResources,
  VolumeAttributesClass: claimResources,
});
const existsOnly = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
const conflicting = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

function validateAmounts(list: ResourceList | undefined, at: Path): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, quantity]) => [
    ...validateQuotaResourceName(name, at.key(name)),
    ...validateQuantityValue(name, quantity, at.key(name)),
  ]);
}

/** Standard resources that the scope says nothing about. */
const unsuited = (scope: string, spec: ResourceQuotaSpec): string[] =>
  Object.keys(spec.hard ?? {}).filter((name) => isStandardQuotaResource(name) && scopes[scope] && !scopes[scope].includes(name));

function validateScopes(spec: ResourceQuotaSpec, at: Path): FieldError[] {
  const given = spec.scopes ?? [];
  const errors: FieldError[] = [];
  for (const scope of given) {
    if (!scopes[scope]) errors.push(invalidValue(at, given, "unsupported scope"));
    errors.push(...unsuited(scope, spec).map(() => invalidValue(at, given, "unsupported scope applied to resource")));
  }
  for (const pair of conflicting) if (pair.every((scope) => given.includes(scope))) errors.push(invalidValue(at, given, "conflicting scopes"));
  return errors;
}

function validateSelector(spec: ResourceQuotaSpec, at: Path): FieldError[] {
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  const errors: FieldError[] = [];
  // The form of upstream's internal type.
  const shown = { MatchExpressions: requirements.map((r) => ({ ScopeName: r.scopeName, Operator: r.operator, Values: r.values ?? null })) };
  for (const { scopeName: scope = "", operator = "", values = [] } of requirements) {
    if (!scopes[scope]) errors.push(invalidNamed(at.child("scopeName"), scope, "unsupported scope"));
    errors.push(...unsuited(scope, spec).map(() => invalidValue(at, shown, "unsupported scope applied to resource")));
    if (existsOnly.includes(scope) && operator !== "Exists") {
      const why =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      errors.push(invalidNamed(at.child("operator"), operator, why));
    }
    if (operator === "In" || operator === "NotIn") {
      if (!values.length) errors.push(required(at.child("values"), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length)
        errors.push(invalidValue(at.child("values"), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
    } else errors.push(invalidNamed(at.child("operator"), operator, "not a valid selector operator"));
  }
  const given = requirements.map((r) => r.scopeName);
  for (const pair of conflicting) if (pair.every((scope) => given.includes(scope))) errors.push(invalidValue(at, spec.scopes ?? null, "conflicting scopes"));
  return errors;
}

const validateSpec = (spec: ResourceQuotaSpec): FieldError[] => [
  ...validateAmounts(spec.hard, path("spec", "hard")),
  ...validateScopes(spec, path("spec", "scopes")),
  ...validateSelector(spec, path("spec", "scopeSelector", "matchExpressions")),
];
const validateStatus = (quota: ResourceQuota): FieldError[] =>
  (["hard", "used"] as const).flatMap((list) => validateAmounts(quota.status?.[list], path("status", list)));

function warnings(quota: ResourceQuota): string[] {
  const hard = quota.spec.hard ?? {};
  return ["cpu", "memory", "storage", "ephemeral-storage"].flatMap((name) => {
    const request = hard[`requests.${name}`] === undefined && (name === "cpu" || name === "memory") ? name : `requests.${name}`;
    const limit = `limits.${name}`;
    const [asked, allowed] = [hard[request], hard[limit]];
    if (asked === undefined || allowed === undefined || compareQuantities(asked, allowed) <= 0) return [];
    return [`ResourceQuota ${request} (${canonicalQuantity(asked)}) should be less than ${limit} (${canonicalQuantity(allowed)})`];
  });
}

/** `name: used/hard` for requests or for limits. */
function usage(quota: ResourceQuota, limits: boolean): string {
  const { hard = {}, used = {} } = quota.status ?? {};
  return Object.keys(hard)
    .sort()
    .filter((name) => name.startsWith("limits.") === limits)
    .map((name) => `${name}: ${canonicalQuantity(used[name] ?? "0")}/${canonicalQuantity(hard[name]!)}`)
    .join(", ");
}

export const resourceQuotaKind: Kind<ResourceQuota> = {
  resource: "resourcequotas",
  setDefaults(quota) {
    quota.spec ??= {};
    for (const list of [quota.spec.hard, quota.status?.hard, quota.status?.used]) roundUpToMilli(list);
  },
  prepareForCreate(quota) {
    quota.status = {};
  },
  validate: (quota) => [...validateMetadata(quota.metadata, rules), ...validateSpec(quota.spec), ...validateStatus(quota)],
  warnings,
  prepareForUpdate(quota, old) {
    quota.status = old.status;
  },
  validateUpdate(quota, old) {
    const same = new Set([...(quota.spec.scopes ?? []), ...(old.spec.scopes ?? [])]);
    const changed = [...same].some((scope) => !quota.spec.scopes?.includes(scope) || !old.spec.scopes?.includes(scope));
    return [
      ...validateMetadataUpdate(quota.metadata, old.metadata),
      ...validateSpec(quota.spec),
      ...(changed ? [invalidValue(path("spec", "scopes"), quota.spec.scopes ?? null, fieldImmutableMessage)] : []),
    ];
  },
  subresources: {
    status: {
      prepareForUpdate(quota, old) {
        quota.spec = old.spec;
      },
      validateUpdate: (quota, old) => [
        ...validateMetadataUpdate(quota.metadata, old.metadata),
        ...(quota.metadata.resourceVersion ? [] : [required("resourceVersion")]),
        ...validateStatus(quota),
      ],
    },
  },
  cells: (quota, now) => [quota.metadata.name, usage(quota, false), usage(quota, true), age(quota, now)],
};
