/** Which flow schema a request belongs to (k8s.io/apiserver/pkg/util/flowcontrol/rule.go): each schema compiled once. */
import type { UserInfo } from "../../api/exchange.ts";
import type { FlowSchema, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from "../../api/types/flowcontrol-v1.gen.ts";
import type { RequestInfo } from "../request-info.ts";

export type Matcher = (info: RequestInfo, user: UserInfo) => boolean;

const serviceAccounts = "system:serviceaccount:";

/** `wildcard` stands for all only where it is alone. */
function oneOf(list: readonly string[] | undefined, wildcard: string): (value: string) => boolean {
  if (list?.length === 1) {
    const [only] = list;
    return only === wildcard ? () => true : (value) => value === only;
  }
  const all = new Set(list);
  return (value) => all.has(value);
}

function matchSubject({ kind, user, group, serviceAccount }: Subject): (who: UserInfo) => boolean {
  if (kind === "User" && user) return user.name === "*" ? () => true : (who) => who.name === user.name;
  if (kind === "Group" && group) return group.name === "*" ? () => true : (who) => who.groups.includes(group.name);
  if (kind === "ServiceAccount" && serviceAccount) {
    const { namespace, name } = serviceAccount;
    const prefix = `${serviceAccounts}${namespace}:`;
    return name === "*" ? (who) => who.name.startsWith(prefix) : (who) => who.name === prefix + name;
  }
  return () => false;
}

function matchResource({ verbs, apiGroups, resources, clusterScope, namespaces }: ResourcePolicyRule): (info: RequestInfo) => boolean {
  const verb = oneOf(verbs, "*");
  const group = oneOf(apiGroups, "*");
  const every = resources?.length === 1 && resources[0] === "*";
  const resource = oneOf(resources, "*");
  const namespace = oneOf(namespaces, "*");
  return (info) =>
    verb(info.verb) &&
    (every || resource(info.subresource ? `${info.resource}/${info.subresource}` : info.resource)) &&
    group(info.group) &&
    (info.namespace === "" ? clusterScope === true : namespace(info.namespace));
}

function matchPath({ verbs, nonResourceURLs }: NonResourcePolicyRule): (info: RequestInfo) => boolean {
  const verb = oneOf(verbs, "*");
  const urls = (nonResourceURLs ?? []).map((url) => {
    const prefix = url.endsWith("*") ? url.slice(0, -1) : url;
    return { url, prefix: prefix.endsWith("/") ? prefix : `${prefix}/` };
  });
  return (info) => verb(info.verb) && urls.some(({ url, prefix }) => url === "*" || url === info.path || info.path.startsWith(prefix));
}

function any<A extends unknown[]>(matchers: ((...args: A) => boolean)[]): (...args: A) => boolean {
  if (matchers.length === 1) return matchers[0] as (...args: A) => boolean;
  return (...args) => {
    for (let i = 0; i < matchers.length; i++) if (matchers[i]?.(...args)) return true;
    return false;
  };
}

const subjectOf = ({ subjects }: PolicyRulesWithSubjects): ((who: UserInfo) => boolean) => any((subjects ?? []).map(matchSubject));

function matchRule(rule: PolicyRulesWithSubjects): Matcher {
  const { resourceRules = [], nonResourceRules = [] } = rule;
  const subject = subjectOf(rule);
  const resource = any(resourceRules.map(matchResource));
  const path = any(nonResourceRules.map(matchPath));
  return (info, user) => subject(user) && (info.isResource ? resource(info) : path(info));
}

export const compileSchema = ({ spec }: FlowSchema): Matcher => any((spec.rules ?? []).map(matchRule));

/** Whether any request of theirs may belong to the schema. */
export const compileSubjects = ({ spec }: FlowSchema): ((who: UserInfo) => boolean) => any((spec.rules ?? []).map(subjectOf));

/** Lower precedence is asked first, then the name that comes first. */
export function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  return (a.spec.matchingPrecedence ?? 0) - (b.spec.matchingPrecedence ?? 0) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** What tells the flows of a schema apart. */
export function distinguisherOf({ spec }: FlowSchema): (info: RequestInfo, user: UserInfo) => string {
  const type = spec.distinguisherMethod?.type;
  if (type === "ByUser") return (_info, user) => user.name;
  if (type === "ByNamespace") return (info) => info.namespace;
  return () => "";
}
