/** POST subjectaccessreviews, selfsubjectaccessreviews, localsubjectaccessreviews (pkg/registry/authorization). */
import type { UserInfo } from "../../../api/exchange.ts";
import { invalidValue, path } from "../../../api/field.ts";
import { badRequest, invalid } from "../../../api/status.ts";
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from "../../../api/types/authorization-v1.gen.ts";
import type { FieldError } from "../../../api/field.ts";
import { type Deciding, decide, reviewKind, validateAccessSpec, validateEmptyMetadata, validateSelectors } from "./access-review.ts";

function validateSpec(spec: SubjectAccessReviewSpec): FieldError[] {
  const errors = validateAccessSpec(spec);
  if (!spec.user && !spec.groups?.length) errors.push(invalidValue(path("spec", "user"), spec.user ?? "", "at least one of user or group must be specified"));
  return [...errors, ...validateSelectors(spec.resourceAttributes)];
}

const subject = (spec: SubjectAccessReviewSpec): UserInfo => ({
  name: spec.user ?? "",
  groups: spec.groups ?? [],
  ...(spec.uid ? { uid: spec.uid } : {}),
  ...(spec.extra ? { extra: spec.extra } : {}),
});

export async function reviewSubjectAccess(review: SubjectAccessReview, deps: Deciding): Promise<SubjectAccessReview> {
  const errors = [...validateSpec(review.spec), ...validateEmptyMetadata(review.metadata, "must be empty")];
  if (errors.length) throw invalid(reviewKind, "", errors);
  return { ...review, status: await decide(review.spec, subject(review.spec), deps) };
}

export async function reviewSelfSubjectAccess(review: SelfSubjectAccessReview, user: UserInfo, deps: Deciding): Promise<SelfSubjectAccessReview> {
  const errors = [
    ...validateAccessSpec(review.spec),
    ...validateSelectors(review.spec.resourceAttributes),
    ...validateEmptyMetadata(review.metadata, "must be empty"),
  ];
  if (errors.length) throw invalid(reviewKind, "", errors);
  return { ...review, status: await decide(review.spec, user, deps) };
}

/** `namespace` is the URL's; metadata.namespace has been filled from it. */
export async function reviewLocalSubjectAccess(review: LocalSubjectAccessReview, namespace: string, deps: Deciding): Promise<LocalSubjectAccessReview> {
  const { resourceAttributes: resource, nonResourceAttributes: other } = review.spec;
  const home = review.metadata.namespace ?? "";
  const errors = [...validateSpec(review.spec), ...validateEmptyMetadata(review.metadata, "must be empty except for namespace", ["namespace"])];
  if (resource && (resource.namespace ?? "") !== home)
    errors.push(invalidValue("spec.resourceAttributes.namespace", resource.namespace ?? "", "must match metadata.namespace"));
  if (other) errors.push(invalidValue("spec.nonResourceAttributes", { Path: other.path ?? "", Verb: other.verb ?? "" }, "disallowed on this kind of request"));
  if (errors.length) throw invalid(reviewKind, "", errors);
  if (namespace !== home) throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  return { ...review, status: await decide(review.spec, subject(review.spec), deps) };
}
