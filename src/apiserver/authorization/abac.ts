/**
 * Policies of a file, a JSON object a line (pkg/auth/authorizer/abac, pkg/apis/abac): who is in one of them may do what it
 * says. Messages are upstream's.
 */
import { readFileSync } from "node:fs";
import type { UserInfo } from "../../api/exchange.ts";
import { trimEnd } from "../../base/trim.ts";
import { ConfigurationError, type ConfigurationKind, decodeConfiguration } from "../configuration-file.ts";
import { goFileError } from "../outside/kubeconfig.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, ListedRules, RuleResolver } from "./authorizer.ts";

interface Policy {
  user?: string;
  group?: string;
  readonly?: boolean;
  apiGroup?: string;
  resource?: string;
  namespace?: string;
  nonResourcePath?: string;
}

const common = { user: "string", group: "string", readonly: "bool", resource: "string", namespace: "string" } as const;
const current: ConfigurationKind = {
  kind: "Policy",
  versions: ["abac.authorization.kubernetes.io/v1beta1"],
  fields: { spec: { go: "v1beta1.PolicySpec", fields: { ...common, apiGroup: "string", nonResourcePath: "string" } } },
  lenient: true,
};
/** Lines of before there were versions. */
const former: ConfigurationKind = { kind: "Policy", versions: ["v0"], fields: common, lenient: true, unnamed: true };

/** Bytes of a line. */
const longestLine = 64 * 1024;
const everybody = "system:authenticated";

/** Throws ConfigurationError. */
export function readPolicyFile(file: string): AbacAuthorizer {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigurationError(goFileError(error as NodeJS.ErrnoException, `open ${file}`));
  }
  const policies: Policy[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.length >= longestLine) throw new ConfigurationError(`error reading policy file ${file}: bufio.Scanner: token too long`);
    if (!line.trim() || line.trim().startsWith("#")) continue;
    try {
      policies.push(parsePolicy(line));
    } catch (error) {
      if (error instanceof ConfigurationError) error.message = `error reading policy file ${file}, line ${i + 1}: ${line}: ${error.message}`;
      throw error;
    }
  }
  return new AbacAuthorizer(policies);
}

const unversioned = /^Object '(Kind|apiVersion)' is missing/;

function parsePolicy(line: string): Policy {
  let policy: Policy;
  try {
    policy = decodeConfiguration<{ spec?: Policy }>(line, current).spec ?? {};
  } catch (error) {
    if (!(error instanceof ConfigurationError) || !unversioned.test(error.message)) throw error;
    return formerPolicy(decodeConfiguration<Policy>(line, former));
  }
  return policy.user === "*" || policy.group === "*" ? { ...policy, user: "", group: everybody } : policy;
}

function formerPolicy({ user, group, readonly, resource, namespace }: Policy): Policy {
  const anybody = (!user && !group) || user === "*" || group === "*";
  return {
    ...(anybody ? { group: everybody } : { user, group }),
    readonly,
    apiGroup: "*",
    resource: resource || "*",
    namespace: namespace || "*",
    ...(resource || namespace ? {} : { nonResourcePath: "*" }),
  };
}

const concerns = ({ user, group }: Policy, who: UserInfo): boolean =>
  (!!user || !!group) && (!user || user === "*" || user === who.name) && (!group || group === "*" || who.groups.includes(group));

const isOr = (pattern: string | undefined, value: string): boolean => pattern === "*" || (pattern ?? "") === value;

function pathMatches(pattern: string | undefined, path: string): boolean {
  if (isOr(pattern, path)) return true;
  return pattern?.endsWith("*") === true && path.startsWith(trimEnd(pattern, "*"));
}

const readingVerbs: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export class AbacAuthorizer implements Authorizer, RuleResolver {
  readonly #policies: readonly Policy[];
  constructor(policies: readonly Policy[]) {
    this.#policies = policies;
  }
  authorize(a: AuthorizationAttributes): AuthorizationDecision {
    for (const policy of this.#policies) {
      if (!concerns(policy, a.user) || (policy.readonly && !readingVerbs.has(a.verb))) continue;
      const fits = a.isResource
        ? isOr(policy.namespace, a.namespace) && isOr(policy.resource, a.resource) && isOr(policy.apiGroup, a.group)
        : pathMatches(policy.nonResourcePath, a.path);
      if (fits) return { decision: "allow", reason: "" };
    }
    return { decision: "no-opinion", reason: "No policy matched." };
  }
  rulesOf(user: UserInfo, namespace: string): ListedRules {
    const list: ListedRules = { resourceRules: [], nonResourceRules: [], incomplete: false, errors: [] };
    for (const policy of this.#policies) {
      if (!concerns(policy, user) || !isOr(policy.namespace, namespace)) continue;
      const verbs = policy.readonly ? ["get", "list", "watch"] : ["*"];
      if (policy.resource) list.resourceRules.push({ verbs, apiGroups: [policy.apiGroup ?? ""], resources: [policy.resource] });
      if (policy.nonResourcePath) list.nonResourceRules.push({ verbs, nonResourceURLs: [policy.nonResourcePath] });
    }
    return list;
  }
}
