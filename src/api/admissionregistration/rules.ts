/** Which requests webhooks and policies are about (pkg/apis/admissionregistration/validation/validation.go). */
import { duplicate, type FieldError, invalidValue, notSupported, type Path, required } from "../field.ts";
import { isPathSegmentName } from "../names.ts";
import type { NamedRuleWithOperations, RuleWithOperations } from "../types/admissionregistration-v1.gen.ts";

const scopes = ["*", "Cluster", "Namespaced"];
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
/** Mutations have nothing to change where something is deleted. */
const mutatingOperations = ["*", "CONNECT", "CREATE", "UPDATE"];

function validateResources(resources: readonly string[], at: Path): FieldError[] {
  const errors: FieldError[] = resources.length ? [] : [required(at)];
  const wholeResources = new Set<string>();
  const wholeSubresources = new Set<string>();
  let bare = false;
  for (const [i, resource] of resources.entries()) {
    if (resource === "") {
      errors.push(required(at.index(i)));
      continue;
    }
    const slash = resource.indexOf("/");
    if (slash < 0) {
      bare = resource !== "*";
      continue;
    }
    const [name, subresource] = [resource.slice(0, slash), resource.slice(slash + 1)];
    const wrong = (present: string): void => void errors.push(invalidValue(at.index(i), resource, `if '${present}' is present, must not specify ${resource}`));
    if (wholeResources.has(name)) wrong(`${name}/*`);
    if (wholeSubresources.has(subresource)) wrong(`*/${subresource}`);
    if (subresource === "*") wholeResources.add(name);
    if (name === "*") wholeSubresources.add(subresource);
  }
  if (resources.length > 1 && resources.includes("*/*")) errors.push(invalidValue(at, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes("*") && bare) errors.push(invalidValue(at, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

export function validateRule(rule: RuleWithOperations, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const list = (values: readonly string[], field: string, others: string): void => {
    if (!values.length) errors.push(required(at.child(field)));
    if (values.length > 1 && values.includes("*")) errors.push(invalidValue(at.child(field), values, `if '*' is present, must not specify other ${others}`));
  };
  const { operations: asked = [], apiVersions = [], scope } = rule;
  list(asked, "operations", "operations");
  for (const [i, operation] of asked.entries())
    if (!operations.includes(operation)) errors.push(notSupported(at.child("operations").index(i), operation, operations));
  list(rule.apiGroups ?? [], "apiGroups", "API groups");
  list(apiVersions, "apiVersions", "API versions");
  for (const [i, version] of apiVersions.entries()) if (version === "") errors.push(required(at.child("apiVersions").index(i)));
  errors.push(...validateResources(rule.resources ?? [], at.child("resources")));
  if (scope !== undefined && !scopes.includes(scope)) errors.push(notSupported(at.child("scope"), scope, scopes));
  return errors;
}

export function validateNamedRule(rule: NamedRuleWithOperations, at: Path): FieldError[] {
  const seen = new Set<string>();
  const names = (rule.resourceNames ?? []).flatMap((name, i) => {
    const here = at.child("resourceNames").index(i);
    const errors = isPathSegmentName(name).map((message) => invalidValue(here, name, message));
    if (seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
    return errors;
  });
  return [...names, ...validateRule(rule, at)];
}

/** Without the indexes of what is wrong. */
export const validateMutatingOperations = (rules: readonly NamedRuleWithOperations[] = [], at: Path): FieldError[] =>
  rules.flatMap((rule) =>
    (rule.operations ?? []).flatMap((operation) => (mutatingOperations.includes(operation) ? [] : [notSupported(at, operation, mutatingOperations)])),
  );

export function defaultRules(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}
