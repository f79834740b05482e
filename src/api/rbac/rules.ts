/**
 * What RBAC rules allow and cover, as pure functions (pkg/apis/rbac/v1/evaluation_helpers.go,
 * k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go, pkg/registry/rbac/validation/policy_compact.go).
 */
import { trimEnd } from "../../base/trim.ts";
import { goQuote } from "../go-quote.ts";
import type { PolicyRule } from "../types/rbac-v1.gen.ts";

/** The part of a request that a rule looks at. */
export interface RuleRequest {
  verb: string;
  isResource: boolean;
  group: string;
  resource: string;
  subresource: string;
  name: string;
  path: string;
}

export type RuleMatcher = (request: RuleRequest) => boolean;

const never = (): boolean => false;
type StringMatcher = (value: string) => boolean;

/** Membership in `list`, or anything where `list` holds "*". */
function oneOf(list: readonly string[] | undefined): StringMatcher {
  if (!list?.length) return never;
  if (list.includes("*")) return () => true;
  if (list.length === 1) {
    const only = list[0];
    return (value) => value === only;
  }
  if (list.length <= 6) return (value) => list.includes(value);
  const set = new Set(list);
  return (value) => set.has(value);
}

function resourceMatcher(resources: readonly string[] | undefined): (request: RuleRequest) => boolean {
  if (!resources?.length) return never;
  if (resources.includes("*")) return () => true;
  const set = new Set(resources);
  return (request) =>
    request.subresource ? set.has(`${request.resource}/${request.subresource}`) || set.has(`*/${request.subresource}`) : set.has(request.resource);
}

const trimStars = (text: string): string => trimEnd(text, "*");

function urlMatcher(urls: readonly string[] | undefined): StringMatcher {
  if (!urls?.length) return never;
  if (urls.includes("*")) return () => true;
  const exact = new Set(urls);
  const prefixes = urls.filter((url) => url.endsWith("*")).map(trimStars);
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
}

/** Compiles a rule once, for many requests. */
export function compileRule(rule: PolicyRule): RuleMatcher {
  const verbs = oneOf(rule.verbs);
  const groups = oneOf(rule.apiGroups);
  const resources = resourceMatcher(rule.resources);
  const names = rule.resourceNames?.length ? new Set(rule.resourceNames) : undefined;
  const urls = urlMatcher(rule.nonResourceURLs);
  return (request) =>
    request.isResource
      ? verbs(request.verb) && groups(request.group) && resources(request) && (names === undefined || names.has(request.name))
      : verbs(request.verb) && urls(request.path);
}

/** One verb, one resource or URL and at most one name a rule. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs ?? []) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames?.length) parts.push(...rule.resourceNames.map((name) => ({ ...part, resourceNames: [name] })));
        else parts.push(part);
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) parts.push(...(rule.verbs ?? []).map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })));
  return parts;
}

const holdsAll = (owned: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
  (owned?.includes("*") ?? false) || (wanted ?? []).every((value) => owned?.includes(value) ?? false);

function resourcesCover(owned: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  if (holdsAll(owned, wanted)) return true;
  return (wanted ?? []).every((path) => {
    if (owned?.includes(path)) return true;
    const slash = path.indexOf("/");
    return slash >= 0 && (owned?.includes(`*${path.slice(slash)}`) ?? false);
  });
}

const urlCovers = (owned: string, wanted: string): boolean => owned === wanted || (owned.endsWith("*") && wanted.startsWith(trimStars(owned)));

/** `part` has one verb, one resource or URL and at most one name. */
function ruleCovers(owned: PolicyRule, part: PolicyRule): boolean {
  const names = !owned.resourceNames?.length || (!!part.resourceNames?.length && part.resourceNames.every((name) => owned.resourceNames?.includes(name)));
  return (
    holdsAll(owned.verbs, part.verbs) &&
    holdsAll(owned.apiGroups, part.apiGroups) &&
    resourcesCover(owned.resources, part.resources) &&
    names &&
    (part.nonResourceURLs ?? []).every((url) => (owned.nonResourceURLs ?? []).some((mine) => urlCovers(mine, url)))
  );
}

/** What of `wanted` is not covered by `owned`, broken down to single permissions; empty when all of it is. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !owned.some((rule) => ruleCovers(rule, part)));
}

/** Joins rules that differ by verb only; others stay as they are. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const result: PolicyRule[] = [];
  for (const rule of rules) {
    if ((rule.resourceNames?.length ?? 0) > 1 || rule.nonResourceURLs?.length || rule.apiGroups?.length !== 1 || rule.resources?.length !== 1) {
      result.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? null]);
    const known = simple.get(key);
    if (known) known.verbs.push(...rule.verbs);
    else simple.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...result, ...simple.values()];
}

const quoteList = (list: readonly string[]): string => `[${list.map(goQuote).join(" ")}]`;

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`: as messages about escalation name a rule. */
export function describeRule(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  return `{${parts.flatMap(([name, list]) => (list?.length ? [`${name}:${quoteList(list)}`] : [])).join(", ")}}`;
}
