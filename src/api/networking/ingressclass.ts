/** IngressClasses (pkg/registry/networking/ingressclass). */
import { validateImmutable } from "../apps/workload.ts";
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, notSupportedText, path, required, tooLong } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { isDNS1123Subdomain, isDomainPrefixedPath, isPathSegmentName, longerThan } from "../names.ts";
import type { IngressClass, IngressClassParametersReference } from "../types/networking-v1.gen.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const maxController = 250;
const scopes = ["Cluster", "Namespace"];

function validateParameters(parameters: IngressClassParametersReference): FieldError[] {
  const here = at.child("parameters");
  const { apiGroup, scope, namespace } = parameters;
  const errors = apiGroup === undefined ? [] : invalidAll(here.child("apiGroup"), apiGroup, isDNS1123Subdomain(apiGroup));
  for (const field of ["kind", "name"] as const) {
    const value = parameters[field] ?? "";
    errors.push(...(value ? invalidAll(here.child(field), value, isPathSegmentName(value)) : [required(here.child(field))]));
  }
  const space = here.child("namespace");
  if (scope === undefined) errors.push(required(here.child("scope")));
  else if (!scopes.includes(scope)) errors.push(notSupportedText(here.child("scope"), scope, scopes));
  else if (scope === "Cluster" && namespace !== undefined) errors.push(forbiddenField(space, "`parameters.scope` is set to 'Cluster'"));
  else if (scope === "Namespace") {
    if (namespace === undefined) errors.push(required(space, "`parameters.scope` is set to 'Namespace'"));
    else errors.push(...invalidAll(space, namespace, nameIsDNSLabel(namespace, false)));
  }
  return errors;
}

function validate({ metadata, spec }: IngressClass): FieldError[] {
  const { controller = "", parameters } = spec;
  const errors = validateMetadata(metadata, rules);
  if (longerThan(controller, maxController)) errors.push(tooLong(at.child("controller"), maxController));
  errors.push(...isDomainPrefixedPath(at.child("controller"), controller));
  return parameters ? [...errors, ...validateParameters(parameters)] : errors;
}

function parametersCell({ spec: { parameters } }: IngressClass): string {
  if (!parameters) return "<none>";
  return `${parameters.kind}${parameters.apiGroup === undefined ? "" : `.${parameters.apiGroup}`}/${parameters.name}`;
}

export const ingressClassKind: Kind<IngressClass> = {
  resource: "ingressclasses.networking.k8s.io",
  setDefaults(item) {
    item.spec ??= {};
    if (item.spec.parameters) item.spec.parameters.scope ??= "Cluster";
  },
  prepareForCreate(item) {
    item.metadata.generation = 1;
  },
  validate,
  prepareForUpdate(item, old) {
    if (!semanticEqual(item.spec, old.spec)) item.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (item, old) => [
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...validateImmutable(item.spec.controller ?? "", old.spec.controller ?? "", at.child("controller")),
    ...validate(item),
  ],
  cells(item, now) {
    const isDefault = item.metadata.annotations?.["ingressclass.kubernetes.io/is-default-class"] === "true";
    return [isDefault ? `${item.metadata.name} (default)` : item.metadata.name, item.spec.controller ?? "", parametersCell(item), age(item, now)];
  },
};
