/** What the three access reviews share (pkg/registry/authorization/util, pkg/apis/authorization/validation). */
import type { UserInfo } from "../../../api/exchange.ts";
import { aggregateText, type FieldError, forbiddenField, invalidValue, type Path, path, required } from "../../../api/field.ts";
import { validateLabelSelectorRequirement } from "../../../api/meta/labels.ts";
import { FieldSelectorError, parseFieldSelector } from "../../../api/selectors/fields.ts";
import { specOperators, parseLabelSelector, type Requirement, SelectorError, validateRequirement } from "../../../api/selectors/labels.ts";
import type { NonResourceAttributes, ResourceAttributes, SubjectAccessReviewStatus } from "../../../api/types/authorization-v1.gen.ts";
import type { FieldSelectorRequirement, ObjectMeta } from "../../../api/types/meta-v1.gen.ts";
import type { Asking, AuthorizationAttributes, Authorizer, FieldRequirement } from "../../authorization/authorizer.ts";

/** The group kind that upstream names in these errors: its internal objects carry no kind. */
export const reviewKind = ".authorization.k8s.io";

export interface AccessSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: NonResourceAttributes;
}

const internal = (attributes: NonResourceAttributes | undefined): object | null =>
  attributes ? { Path: attributes.path ?? "", Verb: attributes.verb ?? "" } : null;

export function validateAccessSpec(spec: AccessSpec): FieldError[] {
  const at = path("spec");
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource && other)
    return [invalidValue(at.child("nonResourceAttributes"), internal(other), "cannot be specified in combination with resourceAttributes")];
  if (!resource && !other)
    return [invalidValue(at.child("resourceAttributes"), null, "exactly one of nonResourceAttributes or resourceAttributes must be specified")];
  return [];
}

export function validateSelectors(resource: ResourceAttributes | undefined): FieldError[] {
  const at = path("spec.resourceAttributes");
  const errors: FieldError[] = [];
  const field = resource?.fieldSelector;
  const label = resource?.labelSelector;
  if (field) {
    errors.push(...eitherForm(field, at.child("fieldSelector")));
    for (const [i, r] of (field.requirements ?? []).entries()) errors.push(...fieldRequirement(r, at.child("fieldSelector", "requirements").index(i)));
  }
  if (label) {
    errors.push(...eitherForm(label, at.child("labelSelector")));
    for (const [i, r] of (label.requirements ?? []).entries())
      errors.push(...validateLabelSelectorRequirement(r, { allowUnknownOperator: true }, at.child("labelSelector", "requirements").index(i)));
  }
  return errors;
}

function eitherForm(selector: { rawSelector?: string; requirements?: unknown[] }, at: Path): FieldError[] {
  const many = !!selector.requirements?.length;
  if (selector.rawSelector && many) return [invalidValue(at.child("rawSelector"), selector.rawSelector, "may not specified at the same time as requirements")];
  if (!selector.rawSelector && !many) return [required(at.child("requirements"), `when ${at} is specified, requirements or rawSelector is required`)];
  return [];
}

function fieldRequirement(requirement: FieldSelectorRequirement, at: Path): FieldError[] {
  const errors = requirement.key ? [] : [required(at.child("key"), "must be specified")];
  const values = requirement.values ?? [];
  if ((requirement.operator === "In" || requirement.operator === "NotIn") && !values.length)
    errors.push(required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'"));
  if ((requirement.operator === "Exists" || requirement.operator === "DoesNotExist") && values.length)
    errors.push(forbiddenField(at.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  return errors;
}

/** `allowed` are names of metadata fields that may be set, besides managedFields. */
export function validateEmptyMetadata(metadata: ObjectMeta | undefined, message: string, allowed: readonly string[] = []): FieldError[] {
  const set = Object.entries(metadata ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (set.every(([key]) => key === "managedFields" || allowed.includes(key))) return [];
  return [invalidValue("metadata", Object.fromEntries(set), message)];
}

/** `ignored`: how much of the selector was left out because it could not be read. */
interface Read<T> {
  requirements?: readonly T[];
  ignored?: string;
}
const read = <T>(requirements: readonly T[], failed: boolean): Read<T> => ({
  ...(requirements.length ? { requirements } : {}),
  ...(failed ? { ignored: requirements.length ? "partially ignored" : "ignored" } : {}),
});

function fieldSelectorOf({ fieldSelector: selector }: ResourceAttributes): Read<FieldRequirement> {
  if (selector?.requirements?.length) {
    const usable = selector.requirements.filter(({ operator, values }) => (operator === "In" || operator === "NotIn") && values?.length === 1);
    return read(
      usable.map(({ key, operator, values }): FieldRequirement => ({ field: key, operator: operator === "In" ? "=" : "!=", value: values?.[0] as string })),
      usable.length < selector.requirements.length,
    );
  }
  if (!selector?.rawSelector) return {};
  try {
    return read(parseFieldSelector(selector.rawSelector).requirements, false);
  } catch (error) {
    if (!(error instanceof FieldSelectorError)) throw error;
    return read([], true);
  }
}

function labelSelectorOf({ labelSelector: selector }: ResourceAttributes): Read<Requirement> {
  if (selector?.requirements?.length) {
    const usable = selector.requirements.flatMap(({ key, operator, values = [] }) => {
      const known = specOperators.get(operator);
      const requirement = known && { key, operator: known, values };
      return requirement && !validateRequirement(requirement).length ? [requirement] : [];
    });
    return read(usable, usable.length < selector.requirements.length);
  }
  if (!selector?.rawSelector) return {};
  try {
    return read(parseLabelSelector(selector.rawSelector).requirements, false);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    return read([], true);
  }
}

export interface Deciding {
  authorizer: Authorizer;
  /** Who waits for it. */
  asking?: Asking;
}

/** Asks the authorizer; `spec` has been validated. */
export async function decide(spec: AccessSpec, user: UserInfo, { authorizer, asking }: Deciding): Promise<SubjectAccessReviewStatus> {
  const errors: string[] = [];
  const attributes: AuthorizationAttributes = {
    user,
    verb: "",
    isResource: false,
    group: "",
    version: "",
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    path: "",
  };
  const resource = spec.resourceAttributes;
  if (resource) {
    const fields = fieldSelectorOf(resource);
    const labels = labelSelectorOf(resource);
    Object.assign(attributes, {
      isResource: true,
      verb: resource.verb ?? "",
      group: resource.group ?? "",
      version: resource.version || "*",
      resource: resource.resource ?? "",
      subresource: resource.subresource ?? "",
      namespace: resource.namespace ?? "",
      name: resource.name ?? "",
      ...(fields.requirements ? { fieldSelector: fields.requirements } : {}),
      ...(labels.requirements ? { labelSelector: labels.requirements } : {}),
    });
    if (fields.ignored) errors.push(`spec.resourceAttributes.fieldSelector ${fields.ignored} due to parse error`);
    if (labels.ignored) errors.push(`spec.resourceAttributes.labelSelector ${labels.ignored} due to parse error`);
  } else Object.assign(attributes, { verb: spec.nonResourceAttributes?.verb ?? "", path: spec.nonResourceAttributes?.path ?? "" });
  const { decision, reason, errors: failures } = await authorizer.authorize(attributes, asking);
  if (failures) errors.unshift(aggregateText(failures));
  return {
    allowed: decision === "allow",
    ...(decision === "deny" ? { denied: true } : {}),
    ...(reason ? { reason } : {}),
    ...(errors.length ? { evaluationError: errors.join("; ") } : {}),
  };
}
