/** Whom and what a flow schema matches (pkg/apis/flowcontrol/validation). */
import { invalidAll } from "../core/checks.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, required } from "../field.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import type { NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from "../types/flowcontrol-v1.gen.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
/** Kind, and the field that goes with it. */
const subjects = [
  ["ServiceAccount", "serviceAccount"],
  ["User", "user"],
  ["Group", "group"],
] as const;

function validateOwn(subject: Subject, field: (typeof subjects)[number][1], at: Path): FieldError[] {
  const own = subject[field];
  const kind = subject.kind;
  if (!own) return [required(at, `${field} is required when subject kind is '${kind}'`)];
  const errors: FieldError[] = own.name ? [] : [required(at.child("name"))];
  if (field !== "serviceAccount") return errors;
  const { name = "", namespace = "" } = subject.serviceAccount ?? {};
  if (name && name !== "*") errors.push(...invalidAll(at.child("name"), name, nameIsDNSSubdomain(name, false)));
  if (namespace) errors.push(...invalidAll(at.child("namespace"), namespace, nameIsDNSLabel(namespace, false)));
  else errors.push(required(at.child("namespace"), "must specify namespace for service account"));
  return errors;
}

function validateSubject(subject: Subject, at: Path): FieldError[] {
  const own = subjects.find(([kind]) => kind === subject.kind);
  if (!own) return [notSupported(at.child("kind"), subject.kind ?? "", ["Group", "ServiceAccount", "User"])];
  const others = subjects.filter(([kind, field]) => kind !== own[0] && subject[field]);
  return [
    ...validateOwn(subject, own[1], at.child(own[1])),
    ...others.map(([kind, field]) => forbiddenField(at.child(field), `${field} is forbidden when subject kind is not '${kind}'`)),
  ];
}

function validateVerbs(given: string[] | undefined, at: Path): FieldError[] {
  if (!given?.length) return [required(at, "verbs must contain at least one value")];
  if (given.includes("*")) return given.length > 1 ? [invalidValue(at, given, "if '*' is present, must not specify other verbs")] : [];
  return given.every((verb) => verbs.includes(verb)) ? [] : [notSupported(at, given, verbs)];
}

function urlError(url: string): string | undefined {
  if (!url) return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  const star = url.indexOf("*");
  return star < 0 || (star === url.length - 1 && url.endsWith("/*")) ? undefined : "wildcard can only do suffix matching";
}

function validateUrls(urls: string[] | undefined, at: Path): FieldError[] {
  if (!urls?.length) return [required(at, "nonResourceURLs must contain at least one value")];
  if (urls.includes("*")) return urls.length > 1 ? [invalidValue(at, urls, "if '*' is present, must not specify other non-resource URLs")] : [];
  return urls.flatMap((url, i) => {
    const why = urlError(url);
    return why === undefined ? [] : [invalidValue(at.index(i), url, why)];
  });
}

const validateNonResourceRule = (rule: NonResourcePolicyRule, at: Path): FieldError[] => [
  ...validateVerbs(rule.verbs, at.child("verbs")),
  ...validateUrls(rule.nonResourceURLs, at.child("nonResourceURLs")),
];

function validateResourceRule(rule: ResourcePolicyRule, at: Path): FieldError[] {
  const errors = validateVerbs(rule.verbs, at.child("verbs"));
  for (const [field, one, many] of [
    ["apiGroups", "api group", "api groups"],
    ["resources", "resource", "resources"],
  ] as const) {
    const list = rule[field] ?? [];
    if (!list.length) errors.push(required(at.child(field), `resource rules must supply at least one ${one}`));
    else if (list.length > 1 && list.includes("*")) errors.push(invalidValue(at.child(field), list, `if '*' is present, must not specify other ${many}`));
  }
  const here = at.child("namespaces");
  const namespaces = rule.namespaces ?? [];
  if (!namespaces.length && !rule.clusterScope)
    return [...errors, required(here, "resource rules that are not cluster scoped must supply at least one namespace")];
  if (namespaces.includes("*"))
    return namespaces.length > 1 ? [...errors, invalidValue(here, namespaces, "if '*' is present, must not specify other namespaces")] : errors;
  const label = (name: string): string[] =>
    nameIsDNSLabel(name, false).map((message) => `each member of this list must be '*' or a DNS-1123 label; ${message}`);
  return [...errors, ...namespaces.flatMap((name, i) => invalidAll(here.index(i), name, label(name)))];
}

export function validateFlowRule(rule: PolicyRulesWithSubjects, at: Path): FieldError[] {
  const { resourceRules = [], nonResourceRules = [] } = rule;
  const errors: FieldError[] = rule.subjects?.length
    ? rule.subjects.flatMap((subject, i) => validateSubject(subject, at.child("subjects").index(i)))
    : [required(at.child("subjects"), "subjects must contain at least one value")];
  if (!resourceRules.length && !nonResourceRules.length) errors.push(required(at, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  errors.push(...resourceRules.flatMap((item, i) => validateResourceRule(item, at.child("resourceRules").index(i))));
  return [...errors, ...nonResourceRules.flatMap((item, i) => validateNonResourceRule(item, at.child("nonResourceRules").index(i)))];
}
