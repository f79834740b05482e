/** Authorizers that do not look at requests (k8s.io/apiserver/pkg/authorization/authorizerfactory/builtin.go). */
import type { Authorizer, RuleResolver } from "./authorizer.ts";

const everything = ["*"];

export const alwaysAllow: Authorizer & RuleResolver = {
  authorize: () => ({ decision: "allow", reason: "" }),
  rulesOf: () => ({
    resourceRules: [{ verbs: everything, apiGroups: everything, resources: everything }],
    nonResourceRules: [{ verbs: everything, nonResourceURLs: everything }],
    incomplete: false,
    errors: [],
  }),
};

/** Leaves the word to others, should there be any. */
export const alwaysDeny: Authorizer & RuleResolver = {
  authorize: () => ({ decision: "no-opinion", reason: "Everything is forbidden." }),
  rulesOf: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false, errors: [] }),
};
