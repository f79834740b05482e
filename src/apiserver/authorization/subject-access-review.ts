/**
 * A request as authorization webhooks and their conditions see it (k8s.io/apiserver/plugin/pkg/authorizer/webhook/webhook.go,
 * k8s.io/apiserver/pkg/authorization/cel/compile.go).
 */
import type { ResourceAttributes, SubjectAccessReviewSpec } from "../../api/types/authorization-v1.gen.ts";
import type { LabelSelectorRequirement } from "../../api/types/meta-v1.gen.ts";
import type { Operator } from "../../api/selectors/labels.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";

const labelOperators: Partial<Record<Operator, string>> = {
  "=": "In",
  "==": "In",
  in: "In",
  "!=": "NotIn",
  notin: "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

/** Requirements that the review has no operator for are left out: what is asked about is then wider than what was wanted. */
function labelRequirements({ labelSelector = [] }: AuthorizationAttributes): LabelSelectorRequirement[] {
  return labelSelector.flatMap(({ key, operator, values }) => {
    const known = labelOperators[operator];
    return known ? { key, operator: known, ...(values.length ? { values: [...values] } : {}) } : [];
  });
}

/** Fields stand in upstream's order. */
export function reviewSpec(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, isResource, path, verb } = attributes;
  return {
    ...(isResource
      ? { resourceAttributes: resourceAttributes(attributes) }
      : { nonResourceAttributes: { ...(path ? { path } : {}), ...(verb ? { verb } : {}) } }),
    ...(user.name ? { user: user.name } : {}),
    ...(user.groups.length ? { groups: user.groups } : {}),
    ...(user.extra && Object.keys(user.extra).length ? { extra: user.extra } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
  };
}

function resourceAttributes(attributes: AuthorizationAttributes): ResourceAttributes {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector = [] } = attributes;
  const review: ResourceAttributes = {};
  for (const [key, value] of Object.entries({ namespace, verb, group, version, resource, subresource, name })) if (value) review[key as "namespace"] = value;
  if (fieldSelector.length)
    review.fieldSelector = {
      requirements: fieldSelector.map(({ field, operator, value }) => ({ key: field, operator: operator === "=" ? "In" : "NotIn", values: [value] })),
    };
  const labels = labelRequirements(attributes);
  if (labels.length) review.labelSelector = { requirements: labels };
  return review;
}

/** The variable `request` of match conditions: fields that hold texts are there where they are empty as well. */
export function conditionRequest(spec: SubjectAccessReviewSpec): object {
  const { user = "", groups = [], uid = "", extra = {}, resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const { namespace = "", verb = "", group = "", version = "", resource: name = "", subresource = "", name: object = "" } = resource ?? {};
  return {
    user,
    groups,
    uid,
    extra,
    ...(resource
      ? {
          resourceAttributes: {
            ...{ namespace, verb, group, version, resource: name, subresource, name: object },
            ...(resource.fieldSelector ? { fieldSelector: { requirements: resource.fieldSelector.requirements?.map(whole) } } : {}),
            ...(resource.labelSelector ? { labelSelector: { requirements: resource.labelSelector.requirements?.map(whole) } } : {}),
          },
        }
      : {}),
    ...(other ? { nonResourceAttributes: { verb: other.verb ?? "", path: other.path ?? "" } } : {}),
  };
}

const whole = ({ key, operator, values = [] }: LabelSelectorRequirement): object => ({ key, operator, values });
