/** What is audited, and how much of it: `--audit-policy-file` (k8s.io/apiserver/pkg/audit/policy, apis/audit/validation). */
import { parseYAML } from "../../api/codec/yaml.ts";
import { type FieldError, invalidValue, notSupported, type Path, path, required, typeInvalid } from "../../api/field.ts";
import type { JSONValue } from "../../api/json.ts";
import { isDNS1123Subdomain } from "../../api/names.ts";
import type { UserInfo } from "../../api/exchange.ts";

export const levels = ["None", "Metadata", "Request", "RequestResponse"] as const;
export type AuditLevel = (typeof levels)[number];
export const stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;
export type AuditStage = (typeof stages)[number];

interface GroupResources {
  group?: string;
  resources?: string[];
  resourceNames?: string[];
}

interface PolicyRule {
  level: AuditLevel;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: GroupResources[];
  namespaces?: string[];
  nonResourceURLs?: string[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

/** What a policy decides about one request. */
export interface AuditDecision {
  level: AuditLevel;
  omitStages: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

/** The part of a request that rules look at. */
export interface AuditedRequest {
  isResource: boolean;
  verb: string;
  path: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
}

export interface AuditPolicy {
  /** The first rule that matches decides; without one nothing is audited. */
  decide(request: AuditedRequest, user: UserInfo): AuditDecision;
}

/** `file` names it in errors. Throws for text that is no policy, naming line or field. */
export function parseAuditPolicy(text: string, file: string): AuditPolicy {
  const fail = (why: string): Error => new Error(`${why}: from file ${file}`);
  let document: JSONValue;
  let duplicates: string[];
  try {
    ({ value: document, duplicates } = parseYAML(text));
  } catch (error) {
    throw fail(`failed decoding: ${(error as Error).message}`);
  }
  if (duplicates.length) throw fail(`strict decoding error: ${duplicates.join(", ")}`);
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw fail("failed decoding: an audit policy must be an object");
  const { apiVersion, kind } = document;
  if (kind !== "Policy" || apiVersion !== "audit.k8s.io/v1") throw fail(`unknown group version field ${String(apiVersion)}, Kind=${String(kind)} in policy`);
  const reader = new PolicyReader();
  const policy = reader.policy(document);
  if (reader.errors.length) {
    const texts = reader.errors.map(({ field, body }) => `${field}: ${body}`);
    throw fail(texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`);
  }
  if (!policy.rules.length) throw fail("loaded illegal policy with 0 rules");
  return compile(policy);
}

interface Policy {
  rules: PolicyRule[];
  omitStages: AuditStage[];
  omitManagedFields: boolean;
}
type Fields = { [key: string]: JSONValue | undefined };

class PolicyReader {
  readonly errors: FieldError[] = [];

  policy(document: Fields): Policy {
    this.#known(document, ["apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"], path());
    return {
      omitStages: this.#stages(document.omitStages, path("omitStages")),
      omitManagedFields: this.#boolean(document.omitManagedFields, path("omitManagedFields")) ?? false,
      rules: this.#objects(document.rules, path("rules")).map((rule, i) => this.#rule(rule, path("rules").index(i))),
    };
  }
  #rule(rule: Fields, at: Path): PolicyRule {
    const lists = ["users", "userGroups", "verbs", "namespaces", "nonResourceURLs"] as const;
    this.#known(rule, ["level", ...lists, "resources", "omitStages", "omitManagedFields"], at);
    const level = rule.level as AuditLevel;
    if (level === undefined || (level as string) === "") this.errors.push(required(at.child("level")));
    else if (!levels.includes(level)) this.errors.push(notSupported(at.child("level"), level, levels));
    const [users, userGroups, verbs, namespaces, nonResourceURLs] = lists.map((name) => this.#strings(rule[name], at.child(name)));
    this.#urls(nonResourceURLs ?? [], at.child("nonResourceURLs"));
    const resources = this.#objects(rule.resources, at.child("resources")).map((entry, i) => this.#resources(entry, at.child("resources").index(i)));
    if (nonResourceURLs?.length && (resources.length || namespaces?.length))
      this.errors.push(invalidValue(at.child("nonResourceURLs"), nonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs"));
    return {
      level,
      users,
      userGroups,
      verbs,
      namespaces,
      nonResourceURLs,
      resources,
      omitStages: this.#stages(rule.omitStages, at.child("omitStages")),
      omitManagedFields: this.#boolean(rule.omitManagedFields, at.child("omitManagedFields")),
    };
  }
  #resources(entry: Fields, at: Path): GroupResources {
    this.#known(entry, ["group", "resources", "resourceNames"], at);
    const group = entry.group ?? "";
    if (typeof group !== "string") this.errors.push(typeInvalid(at.child("group"), group, "must be a string"));
    else if (group && group !== "*") for (const message of isDNS1123Subdomain(group)) this.errors.push(invalidValue(at.child("group"), group, message));
    const resources = this.#strings(entry.resources, at.child("resources"));
    const resourceNames = this.#strings(entry.resourceNames, at.child("resourceNames"));
    if (resourceNames.length && !resources.length)
      this.errors.push(invalidValue(at.child("resourceNames"), resourceNames, "using resourceNames requires at least one resource"));
    return { group: String(group), resources, resourceNames };
  }
  #urls(urls: string[], at: Path): void {
    for (const [i, url] of urls.entries()) {
      if (url === "*") continue;
      if (!url.startsWith("/")) this.errors.push(invalidValue(at.index(i), url, "non-resource URL rules must begin with a '/' character"));
      if (url.slice(0, -1).includes("*"))
        this.errors.push(invalidValue(at.index(i), url, "non-resource URL wildcards '*' must be the final character of the rule"));
    }
  }
  #known(fields: Fields, names: readonly string[], at: Path): void {
    for (const name of Object.keys(fields))
      if (!names.includes(name)) this.errors.push({ type: "FieldValueForbidden", field: at.child(name).text, body: "unknown field" });
  }
  #stages(value: JSONValue | undefined, at: Path): AuditStage[] {
    const list = this.#strings(value, at);
    for (const [i, stage] of list.entries())
      if (!stages.includes(stage as AuditStage)) this.errors.push(invalidValue(at.index(i), stage, `allowed stages are ${stages.join(",")}`));
    return list as AuditStage[];
  }
  #strings(value: JSONValue | undefined, at: Path): string[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
    this.errors.push(typeInvalid(at, value, "must be a list of strings"));
    return [];
  }
  #objects(value: JSONValue | undefined, at: Path): Fields[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null && !Array.isArray(item))) return value as Fields[];
    this.errors.push(typeInvalid(at, value, "must be a list of objects"));
    return [];
  }
  #boolean(value: JSONValue | undefined, at: Path): boolean | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "boolean") this.errors.push(typeInvalid(at, value, "must be true or false"));
    return value === true;
  }
}

function compile(policy: Policy): AuditPolicy {
  const rules = policy.rules.map((rule) => ({
    matches: (request: AuditedRequest, user: UserInfo) => matches(rule, request, user),
    decision: {
      level: rule.level,
      omitStages: new Set([...policy.omitStages, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
    },
  }));
  const nothing: AuditDecision = { level: "None", omitStages: new Set(policy.omitStages), omitManagedFields: policy.omitManagedFields };
  return { decide: (request, user) => rules.find((rule) => rule.matches(request, user))?.decision ?? nothing };
}

function matches(rule: PolicyRule, request: AuditedRequest, user: UserInfo): boolean {
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !user.groups.some((group) => rule.userGroups?.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(request.verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length) {
    if (!request.isResource) return false;
    if (rule.namespaces?.length && !rule.namespaces.includes(request.namespace)) return false;
    return !rule.resources?.length || rule.resources.some((entry) => matchesResource(entry, request));
  }
  if (!rule.nonResourceURLs?.length) return true;
  return !request.isResource && rule.nonResourceURLs.some((url) => url === request.path || (url.endsWith("*") && request.path.startsWith(url.slice(0, -1))));
}

function matchesResource({ group, resources, resourceNames }: GroupResources, request: AuditedRequest): boolean {
  if (group !== "*" && group !== request.group) return false;
  if (!resources?.length) return true;
  if (resourceNames?.length && !resourceNames.includes(request.name)) return false;
  const { resource, subresource } = request;
  const full = subresource ? `${resource}/${subresource}` : resource;
  return resources.some((entry) => entry === "*" || entry === full || (subresource !== "" && entry === `*/${subresource}`) || entry === `${resource}/*`);
}
