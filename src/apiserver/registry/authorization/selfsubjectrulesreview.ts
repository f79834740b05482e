/** POST selfsubjectrulesreviews: everything I may do in a namespace (pkg/registry/authorization/selfsubjectrulesreview). */
import type { UserInfo } from "../../../api/exchange.ts";
import { aggregateText } from "../../../api/field.ts";
import { badRequest } from "../../../api/status.ts";
import type { SelfSubjectRulesReview } from "../../../api/types/authorization-v1.gen.ts";
import type { RuleResolver } from "../../authorization/authorizer.ts";

export async function reviewSelfSubjectRules(
  review: SelfSubjectRulesReview,
  user: UserInfo,
  { rules }: { rules: RuleResolver },
): Promise<SelfSubjectRulesReview> {
  const namespace = review.spec?.namespace;
  if (!namespace) throw badRequest("no namespace on request");
  const { resourceRules, nonResourceRules, incomplete, errors } = rules.rulesOf(user, namespace);
  return {
    apiVersion: review.apiVersion,
    kind: review.kind,
    metadata: {} as SelfSubjectRulesReview["metadata"],
    spec: {},
    status: { resourceRules, nonResourceRules, incomplete, ...(errors.length ? { evaluationError: aggregateText(errors) } : {}) },
  };
}
