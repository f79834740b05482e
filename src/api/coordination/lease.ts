/** Leases (pkg/registry/coordination/lease). */
import { age } from "../core/object-meta.ts";
import { type FieldError, invalidValue, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import type { Lease } from "../types/coordination-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const metadata = path("metadata");
const at = path("spec");

function validateSpec({ spec }: Lease): FieldError[] {
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec ?? {};
  const errors: FieldError[] = [];
  if (seconds !== undefined && seconds <= 0) errors.push(invalidValue(at.child("leaseDurationSeconds"), seconds, "must be greater than 0"));
  if (transitions !== undefined && transitions < 0) errors.push(invalidValue(at.child("leaseTransitions"), transitions, "must be greater than or equal to 0"));
  return errors;
}

/** Fields of coordinated leader election, which v1.36 has switched off. */
function dropCoordination(lease: Lease, old?: Lease): void {
  for (const field of ["strategy", "preferredHolder"] as const) if (lease.spec && old?.spec?.[field] === undefined) delete lease.spec[field];
}

export const leaseKind: Kind<Lease> = {
  resource: "leases.coordination.k8s.io",
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  prepareForCreate: (lease) => dropCoordination(lease),
  validate: (lease) => [...validateObjectMeta(lease.metadata, rules, metadata), ...validateSpec(lease)],
  prepareForUpdate: dropCoordination,
  validateUpdate: (lease, old) => [...validateObjectMetaUpdate(lease.metadata, old.metadata, metadata), ...validateSpec(lease)],
  cells: (lease, now) => [lease.metadata.name, lease.spec?.holderIdentity ?? "", age(lease, now)],
};
