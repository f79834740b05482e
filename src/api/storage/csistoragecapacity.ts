/** CSIStorageCapacities (pkg/registry/storage/csistoragecapacity). */
import { fieldImmutableMessage, invalidAll, isNegativeMessage } from "../core/checks.ts";
import { deprecatedLabelMessage } from "../core/node-labels.ts";
import { validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { canonicalQuantity, quantityOf } from "../core/resource-list.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { CSIStorageCapacity } from "../types/storage-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const topology = path("nodeTopology");

function validate(item: CSIStorageCapacity, allowInvalidLabelValue = false): FieldError[] {
  const { storageClassName = "", capacity } = item;
  return [
    ...validateMetadata(item.metadata, rules),
    ...validateLabelSelector(item.nodeTopology, { allowInvalidLabelValue }, topology),
    ...invalidAll(path("storageClassName"), storageClassName, nameIsDNSSubdomain(storageClassName, false)),
    ...(capacity !== undefined && quantityOf(capacity).sign() < 0 ? [invalidValue("capacity", canonicalQuantity(capacity), isNegativeMessage)] : []),
  ];
}

function warnings({ nodeTopology }: CSIStorageCapacity): string[] {
  const found: string[] = [];
  for (const [i, { key }] of (nodeTopology?.matchExpressions ?? []).entries()) {
    const message = deprecatedLabelMessage(key);
    if (message) found.push(`${topology.child("matchExpressions").index(i).child("key")}: ${key} is ${message}`);
  }
  for (const key of Object.keys(nodeTopology?.matchLabels ?? {})) {
    const message = deprecatedLabelMessage(key);
    if (message) found.push(`${topology.child("matchLabels").child(key)}: ${message}`);
  }
  return found;
}

export const csiStorageCapacityKind: Kind<CSIStorageCapacity> = {
  resource: "csistoragecapacities.storage.k8s.io",
  allowUnconditionalUpdate: false,
  validate: (item) => validate(item),
  warnings,
  validateUpdate(item, old) {
    const errors = [...validate(item, hasInvalidLabelValue(old.nodeTopology)), ...validateMetadataUpdate(item.metadata, old.metadata)];
    if (!semanticEqual(item.nodeTopology, old.nodeTopology)) errors.push(invalidValue(topology, item.nodeTopology, fieldImmutableMessage));
    if (item.storageClassName !== old.storageClassName) errors.push(invalidValue("storageClassName", item.storageClassName, fieldImmutableMessage));
    return errors;
  },
  warningsOnUpdate: warnings,
};
