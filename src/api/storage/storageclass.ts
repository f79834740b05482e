/** StorageClasses (pkg/registry/storage/storageclass). */
import { validateImmutableNamed } from "../core/checks.ts";
import { validateImmutable } from "../apps/workload.ts";
import { deprecatedLabelMessage } from "../core/node-labels.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { duplicate, type FieldError, notSupported, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateLabelName } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { TopologySelectorTerm } from "../types/core-v1.gen.ts";
import type { StorageClass } from "../types/storage-v1.gen.ts";
import { validateParameters, validateProvisioner } from "./parameters.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const topologies = path("allowedTopologies");
const reclaimPolicies = ["Delete", "Retain"];
const bindingModes = ["Immediate", "WaitForFirstConsumer"];

function validateTerm({ matchLabelExpressions: expressions = [] }: TopologySelectorTerm, at: Path): FieldError[] {
  const keys = new Set<string>();
  return expressions.flatMap(({ key = "", values }, i) => {
    const here = at.child("matchLabelExpressions").index(i);
    const list = here.child("values");
    const errors: FieldError[] = values?.length ? [] : [required(list)];
    for (const [j, value] of (values ?? []).entries()) if (values.indexOf(value) < j) errors.push(duplicate(list.index(j), value));
    errors.push(...validateLabelName(key, here.child("key")));
    if (keys.has(key)) errors.push(duplicate(here.child("key"), key));
    keys.add(key);
    return errors;
  });
}

/** Terms that say the same, in whatever order, are one. */
const meaningOf = (term: TopologySelectorTerm): string =>
  JSON.stringify(
    Object.entries(Object.fromEntries((term.matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]))).sort(([a], [b]) =>
      a < b ? -1 : 1,
    ),
  );

/** Upstream compares with as many empty terms as there are terms. */
function validateTopologies(terms: TopologySelectorTerm[]): FieldError[] {
  const seen: string[] = terms.map(() => "[]");
  return terms.flatMap((term, i) => {
    const errors = validateTerm(term, topologies.index(i));
    const meaning = meaningOf(term);
    for (const other of seen) if (other === meaning) errors.push(duplicate(topologies.index(i).child("matchLabelExpressions"), ""));
    seen.push(meaning);
    return errors;
  });
}

function validate(item: StorageClass): FieldError[] {
  const { reclaimPolicy, volumeBindingMode: mode } = item;
  const errors = [
    ...validateMetadata(item.metadata, rules),
    ...validateProvisioner(item.provisioner ?? "", path("provisioner")),
    ...validateParameters(item.parameters, true, path("parameters")),
  ];
  if (reclaimPolicy && !reclaimPolicies.includes(reclaimPolicy)) errors.push(notSupported("reclaimPolicy", reclaimPolicy, reclaimPolicies));
  if (mode === undefined) errors.push(required("volumeBindingMode"));
  else if (!bindingModes.includes(mode)) errors.push(notSupported("volumeBindingMode", mode, bindingModes));
  return [...errors, ...validateTopologies(item.allowedTopologies ?? [])];
}

const warnings = (item: StorageClass): string[] =>
  (item.allowedTopologies ?? []).flatMap((term, i) =>
    (term.matchLabelExpressions ?? []).flatMap(({ key }, j) => {
      const message = deprecatedLabelMessage(key);
      return message ? [`${topologies.index(i).child("matchLabelExpressions").index(j).child("key")}: ${message}`] : [];
    }),
  );

const defaultAnnotations = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

export const storageClassKind: Kind<StorageClass> = {
  resource: "storageclasses.storage.k8s.io",
  setDefaults(item) {
    item.reclaimPolicy ??= "Delete";
    item.volumeBindingMode ??= "Immediate";
  },
  validate,
  warnings,
  validateUpdate: (item, old) => [
    ...validate(item),
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...validateImmutable(item.parameters ?? {}, old.parameters ?? {}, path("parameters"), item.parameters ?? null),
    ...validateImmutable(item.provisioner ?? "", old.provisioner ?? "", path("provisioner")),
    ...validateImmutableNamed(item.reclaimPolicy, old.reclaimPolicy, path("reclaimPolicy")),
    ...validateImmutableNamed(item.volumeBindingMode, old.volumeBindingMode, path("volumeBindingMode")),
  ],
  warningsOnUpdate: warnings,
  cells({ metadata, ...item }, now) {
    const isDefault = defaultAnnotations.some((key) => metadata.annotations?.[key] === "true");
    return [
      isDefault ? `${metadata.name} (default)` : metadata.name,
      item.provisioner ?? "",
      item.reclaimPolicy ?? "Delete",
      item.volumeBindingMode ?? "Immediate",
      item.allowVolumeExpansion ?? false,
      age({ metadata }, now),
    ];
  },
};
