/** CSINodes (pkg/registry/storage/csinode). */
import { validateImmutable } from "../apps/workload.ts";
import { validateNonNegative, validateQualifiedName } from "../core/checks.ts";
import { age, validateMetadata } from "../core/object-meta.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { duplicate, type FieldError, invalidValue, type Path, path, required } from "../field.ts";
import { seenBefore } from "../seen.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { longerThan } from "../names.ts";
import type { CSINode, CSINodeDriver } from "../types/storage-v1.gen.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec", "drivers");
const maxNodeId = 256;

function validateDriver({ name = "", nodeID = "", topologyKeys, allocatable }: CSINodeDriver, seen: Set<string>, here: Path): FieldError[] {
  const errors = validateCsiDriverName(name, here.child("name"));
  if (!nodeID) errors.push(required(here.child("nodeID")));
  if (longerThan(nodeID, maxNodeId)) errors.push(invalidValue(here.child("nodeID"), nodeID, `must be ${maxNodeId} characters or less`));
  errors.push(...validateNonNegative(allocatable?.count, here.child("allocatable", "count")));
  if (seen.has(name)) errors.push(duplicate(here.child("name"), name));
  seen.add(name);
  const repeated = seenBefore<string>();
  for (const key of topologyKeys ?? []) {
    if (!key) errors.push(required(here));
    if (repeated(key)) errors.push(duplicate(here, key));
    errors.push(...validateQualifiedName(key, here));
  }
  return errors;
}

function validate(node: CSINode): FieldError[] {
  const seen = new Set<string>();
  return [...validateMetadata(node.metadata, rules), ...(node.spec?.drivers ?? []).flatMap((driver, i) => validateDriver(driver, seen, at.index(i)))];
}

/** The form of upstream's internal type; how much a driver can attach may change. */
const fixed = ({ name, nodeID, topologyKeys }: CSINodeDriver): object => ({
  Name: name,
  NodeID: nodeID,
  TopologyKeys: topologyKeys ?? null,
  Allocatable: null,
});

export const csiNodeKind: Kind<CSINode> = {
  resource: "csinodes.storage.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults(node) {
    node.spec ??= { drivers: [] };
  },
  validate,
  validateUpdate: (node, old) => [
    ...validate(node),
    ...(old.spec?.drivers ?? []).flatMap((before) =>
      (node.spec?.drivers ?? []).filter(({ name }) => name === before.name).flatMap((driver) => validateImmutable(fixed(driver), fixed(before), at)),
    ),
  ],
  cells: (node, now) => [node.metadata.name, node.spec?.drivers?.length ?? 0, age(node, now)],
};
