/** POST selfsubjectrulesreviews: everything I may do in a namespace (pkg/registry/authorization/selfsubjectrulesreview). */
import type { UserInfo } from "../../../api/exchange.ts";
import { badRequest } from "../../../api/status.ts";
import type { SelfSubjectRulesReview } from "../../../api/types/authorization-v1.gen.ts";
import { nodeOf } from "../../authorization/node.ts";
import type { RbacAuthorizer } from "../../authorization/rbac.ts";

export async function reviewSelfSubjectRules(
  review: SelfSubjectRulesReview,
  user: UserInfo,
  { rbac }: { rbac: RbacAuthorizer },
): Promise<SelfSubjectRulesReview> {
  const namespace = review.spec?.namespace;
  if (!namespace) throw badRequest("no namespace on request");
  const { rules, errors } = rbac.rulesFor(user, namespace);
  // What a kubelet may do depends on its pods: it cannot be enumerated.
  const isNode = nodeOf(user) !== undefined;
  const problems = [...new Set([...(isNode ? ["node authorizer does not support user rule resolution"] : []), ...errors])];
  return {
    apiVersion: review.apiVersion,
    kind: review.kind,
    metadata: {} as SelfSubjectRulesReview["metadata"],
    spec: {},
    status: {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          ...(apiGroups?.length ? { apiGroups } : {}),
          ...(resources?.length ? { resources } : {}),
          ...(resourceNames?.length ? { resourceNames } : {}),
        })),
      nonResourceRules: rules.filter((rule) => rule.nonResourceURLs?.length).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: isNode,
      ...(problems.length ? { evaluationError: problems.length === 1 ? (problems[0] as string) : `[${problems.join(", ")}]` } : {}),
    },
  };
}
