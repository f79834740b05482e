/** Authorizers in order (k8s.io/apiserver/pkg/authorization/union), and the one that lets the administrators through. */
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "./authorizer.ts";

/** Members may do everything; the group is for the administrator alone. */
export const privilegedGroup = "system:masters";

export const privilegedAuthorizer: Authorizer = {
  authorize: ({ user }) => ({ decision: user.groups.includes(privilegedGroup) ? "allow" : "no-opinion", reason: "" }),
};

/** The first that allows or denies decides; otherwise no opinion, with all reasons a line each. */
export function unionAuthorizer(...authorizers: Authorizer[]): Authorizer {
  const rest = async (
    attributes: AuthorizationAttributes,
    from: number,
    pending: Promise<AuthorizationDecision>,
    reasons: string[],
  ): Promise<AuthorizationDecision> => {
    let decision = await pending;
    for (let i = from; ; i++) {
      if (decision.decision !== "no-opinion") return decision;
      if (decision.reason) reasons.push(decision.reason);
      const next = authorizers[i + 1];
      if (!next) return { decision: "no-opinion", reason: reasons.join("\n") };
      decision = await next.authorize(attributes);
    }
  };
  return {
    authorize(attributes) {
      const reasons: string[] = [];
      for (let i = 0; i < authorizers.length; i++) {
        const decision = (authorizers[i] as Authorizer).authorize(attributes);
        if (decision instanceof Promise) return rest(attributes, i, decision, reasons);
        if (decision.decision !== "no-opinion") return decision;
        if (decision.reason) reasons.push(decision.reason);
      }
      return { decision: "no-opinion", reason: reasons.join("\n") };
    },
  };
}
