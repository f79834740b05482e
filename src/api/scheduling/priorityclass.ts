/** PriorityClasses (pkg/registry/scheduling/priorityclass). */
import { validateImmutableNamed } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, forbiddenField, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { PriorityClass } from "../types/scheduling-v1.gen.ts";
import { table } from "../../base/table.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const highestForUsers = 1_000_000_000;
const systemPrefix = "system-";
const systemClasses = table<number>({ "system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000 });
const policies = ["PreemptLowerPriority", "Never"];

/** Why a class with the system's prefix is not one of the system's. */
function notSystem({ metadata: { name }, value = 0, globalDefault }: PriorityClass): string | undefined {
  const expected = systemClasses[name];
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validate(item: PriorityClass): FieldError[] {
  const { metadata, value = 0, preemptionPolicy: policy } = item;
  const errors = validateMetadata(metadata, rules);
  if (metadata.name?.startsWith(systemPrefix)) {
    const why = notSystem(item);
    const reserved = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${why}`;
    if (why) errors.push(forbiddenField(path("metadata", "name"), reserved));
  } else if (value > highestForUsers) errors.push(forbiddenField("value", `maximum allowed value of a user defined priority is ${highestForUsers}`));
  if (policy === "") errors.push(required("preemptionPolicy"));
  else if (policy !== undefined && !policies.includes(policy)) errors.push(notSupported("preemptionPolicy", policy, policies));
  return errors;
}

export const priorityClassKind: Kind<PriorityClass> = {
  resource: "priorityclasses.scheduling.k8s.io",
  setDefaults(item) {
    item.preemptionPolicy ??= "PreemptLowerPriority";
  },
  prepareForCreate(item) {
    item.metadata.generation = 1;
  },
  validate,
  validateUpdate: (item, old) => [
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...((item.value ?? 0) === (old.value ?? 0) ? [] : [forbiddenField("value", "may not be changed in an update.")]),
    ...validateImmutableNamed(item.preemptionPolicy, old.preemptionPolicy, path("preemptionPolicy")),
  ],
  cells: (item, now) => [item.metadata.name, item.value ?? 0, item.globalDefault ?? false, age(item, now), item.preemptionPolicy ?? ""],
};
