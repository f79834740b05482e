/** Authorizers in order (k8s.io/apiserver/pkg/authorization/union), and the one that lets the administrators through. */
import type { Asking, AuthorizationAttributes, AuthorizationDecision, Authorizer, RuleResolver } from "./authorizer.ts";

/** Members may do everything; the group is for the administrator alone. */
export const privilegedGroup = "system:masters";

export const privilegedAuthorizer: Authorizer = {
  authorize: ({ user }) => ({ decision: user.groups.includes(privilegedGroup) ? "allow" : "no-opinion", reason: "" }),
};

/** The first that allows or denies decides; otherwise no opinion, with all reasons a line each and all that went wrong. */
export function unionAuthorizer(...authorizers: readonly Authorizer[]): Authorizer {
  const none = (reasons: readonly string[], errors: readonly string[]): AuthorizationDecision => ({
    decision: "no-opinion",
    reason: reasons.join("\n"),
    ...(errors.length ? { errors } : {}),
  });
  const rest = async (
    attributes: AuthorizationAttributes,
    asking: Asking | undefined,
    from: number,
    pending: Promise<AuthorizationDecision>,
    reasons: string[],
    errors: string[],
  ): Promise<AuthorizationDecision> => {
    let decision = await pending;
    for (let i = from; ; i++) {
      if (decision.decision !== "no-opinion") return decision;
      if (decision.reason) reasons.push(decision.reason);
      if (decision.errors) errors.push(...decision.errors);
      const next = authorizers[i + 1];
      if (!next) return none(reasons, errors);
      decision = await next.authorize(attributes, asking);
    }
  };
  return {
    authorize(attributes, asking) {
      const reasons: string[] = [];
      const errors: string[] = [];
      for (let i = 0; i < authorizers.length; i++) {
        const decision = (authorizers[i] as Authorizer).authorize(attributes, asking);
        if (decision instanceof Promise) return rest(attributes, asking, i, decision, reasons, errors);
        if (decision.decision !== "no-opinion") return decision;
        if (decision.reason) reasons.push(decision.reason);
        if (decision.errors) errors.push(...decision.errors);
      }
      return none(reasons, errors);
    },
  };
}

/** What all of them list, one after the other. */
export function unionRules(resolvers: readonly RuleResolver[]): RuleResolver {
  return {
    rulesOf(user, namespace) {
      const lists = resolvers.map((resolver) => resolver.rulesOf(user, namespace));
      return {
        resourceRules: lists.flatMap(({ resourceRules }) => resourceRules),
        nonResourceRules: lists.flatMap(({ nonResourceRules }) => nonResourceRules),
        incomplete: lists.some(({ incomplete }) => incomplete),
        errors: lists.flatMap(({ errors }) => errors),
      };
    },
  };
}
