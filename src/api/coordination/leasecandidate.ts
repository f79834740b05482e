/** LeaseCandidates: who would lead, and in which version (pkg/registry/coordination/leasecandidate). */
import { SemverValue, compareVersions, parseVersion } from "../cel/library/semver.ts";
import { age } from "../core/object-meta.ts";
import { type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateImmutableField, validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import { isConfigMapKey, isQualifiedName } from "../names.ts";
import type { LeaseCandidate } from "../types/coordination-v1beta1.gen.ts";

const rules = { namespaced: true, validateName: isConfigMapKey };
const metadata = path("metadata");
const at = path("spec");
const oldestEmulationVersion = "OldestEmulationVersion";

function version(text: string): SemverValue | undefined {
  const value = parseVersion(text);
  return value instanceof SemverValue ? value : undefined;
}

function validateStrategy(strategy: string): FieldError[] {
  const own = at.child("strategy", "strategy");
  if (!strategy.includes("/")) return strategy === oldestEmulationVersion ? [] : [notSupported(own, strategy, [oldestEmulationVersion])];
  return isQualifiedName(strategy).map((message) => invalidValue(own, strategy, message));
}

function validateSpec({ spec }: LeaseCandidate): FieldError[] {
  const { leaseName, binaryVersion, emulationVersion, strategy } = spec;
  const errors: FieldError[] = [];
  if (!leaseName) errors.push(required(at.child("leaseName"), ""));
  const emulated = emulationVersion ? version(emulationVersion) : undefined;
  if (emulationVersion && !emulated) errors.push(invalidValue(at.child("emulationVersion"), emulationVersion, "must be a valid semantic version"));
  const binary = binaryVersion ? version(binaryVersion) : undefined;
  if (!binaryVersion) errors.push(required(at.child("binaryVersion"), ""));
  else if (!binary) errors.push(invalidValue(at.child("binaryVersion"), binaryVersion, "must be a valid semantic version"));
  // What cannot be read counts as 0.0.0.
  const zero = version("0.0.0") as SemverValue;
  if (binaryVersion && emulationVersion && compareVersions(binary ?? zero, emulated ?? zero) < 0)
    errors.push(invalidValue(at.child("binaryVersion"), binaryVersion, "must be greater than or equal to `emulationVersion`"));
  if (!strategy) errors.push(required(at.child("strategy"), ""));
  else {
    if (strategy === oldestEmulationVersion && compareVersions(emulated ?? zero, zero) === 0)
      errors.push(required(at.child("emulationVersion"), "must be specified when `strategy` is 'OldestEmulationVersion'"));
    errors.push(...validateStrategy(strategy));
  }
  return errors;
}

export const leaseCandidateKind: Kind<LeaseCandidate> = {
  resource: "leasecandidates.coordination.k8s.io",
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validateName: isConfigMapKey,
  validate: (candidate) => [...validateObjectMeta(candidate.metadata, rules, metadata), ...validateSpec(candidate)],
  validateUpdate: (candidate, old) => [
    ...validateObjectMetaUpdate(candidate.metadata, old.metadata, metadata),
    ...validateSpec(candidate),
    ...validateImmutableField(candidate.spec.leaseName, old.spec.leaseName, at.child("leaseName")),
  ],
  cells: (candidate, now) => [
    candidate.metadata.name,
    candidate.spec.leaseName,
    candidate.spec.binaryVersion,
    candidate.spec.emulationVersion ?? "",
    age(candidate, now),
  ],
};
