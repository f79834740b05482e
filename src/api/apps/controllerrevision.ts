/** ControllerRevisions: what a controller's template was at a time (pkg/registry/apps/controllerrevision). */
import { validateNonNegative } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, FreeForm, path, required } from "../field.ts";
import { groupVersionOf } from "../group-version.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { controllerOf } from "../meta/owner.ts";
import type { ControllerRevision } from "../types/apps-v1.gen.ts";
import { validateImmutable } from "./workload.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };

const validateCommon = (revision: ControllerRevision): FieldError[] => [
  ...validateMetadata(revision.metadata, rules),
  ...validateNonNegative(revision.revision, path("revision")),
];

function validateData(data: unknown): FieldError[] {
  if (data === undefined || data === null) return [required("data", "data is mandatory")];
  return typeof data === "object" && !Array.isArray(data) ? [] : [required("data", "data must be a valid JSON object")];
}

function controllerName(revision: ControllerRevision): string {
  const owner = controllerOf(revision);
  if (!owner) return "<none>";
  const { group } = groupVersionOf(owner.apiVersion);
  return `${owner.kind.toLowerCase()}${group && `.${group}`}/${owner.name}`;
}

export const controllerRevisionKind: Kind<ControllerRevision> = {
  resource: "controllerrevisions.apps",
  validate: (revision) => [...validateCommon(revision), ...validateData(revision.data)],
  validateUpdate: (revision, old) => [
    ...validateMetadataUpdate(revision.metadata, old.metadata),
    ...validateCommon(revision),
    ...validateImmutable(revision.data, old.data, path("data"), revision.data && new FreeForm(revision.data)),
  ],
  cells: (revision, now) => [revision.metadata.name, controllerName(revision), revision.revision, age(revision, now)],
};
