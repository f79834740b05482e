/** Validation of what roles and bindings are made of (pkg/apis/rbac/validation). */
import { invalidAll } from "../core/checks.ts";
import { type FieldError, invalidValue, notSupportedText, type Path, path, required } from "../field.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isPathSegmentName } from "../names.ts";
import type { PolicyRule, RoleRef, Subject } from "../types/rbac-v1.gen.ts";

export const rbacGroup = "rbac.authorization.k8s.io";

/** Prefixes are held to the rule for whole names. */
export const rbacName = (name: string): string[] => isPathSegmentName(name);

function validatePolicyRule(rule: PolicyRule, namespaced: boolean, at: Path): FieldError[] {
  const { verbs, nonResourceURLs: urls, apiGroups, resources, resourceNames } = rule;
  const errors: FieldError[] = verbs?.length ? [] : [required(at.child("verbs"), "verbs must contain at least one value")];
  if (urls?.length) {
    const here = at.child("nonResourceURLs");
    if (namespaced) errors.push(invalidValue(here, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups?.length || resources?.length || resourceNames?.length)
      errors.push(invalidValue(here, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    return errors;
  }
  if (!apiGroups?.length) errors.push(required(at.child("apiGroups"), "resource rules must supply at least one api group"));
  if (!resources?.length) errors.push(required(at.child("resources"), "resource rules must supply at least one resource"));
  return errors;
}

export const validatePolicyRules = (rules: PolicyRule[] | undefined | null, namespaced: boolean): FieldError[] =>
  (rules ?? []).flatMap((rule, i) => validatePolicyRule(rule, namespaced, path("rules").index(i)));

export function validateRoleRef({ apiGroup = "", kind = "", name = "" }: RoleRef, kinds: readonly string[]): FieldError[] {
  const at = path("roleRef");
  const errors: FieldError[] = apiGroup === rbacGroup ? [] : [notSupportedText(at.child("apiGroup"), apiGroup, [rbacGroup])];
  if (!kinds.includes(kind)) errors.push(notSupportedText(at.child("kind"), kind, kinds));
  return [...errors, ...(name ? invalidAll(at.child("name"), name, rbacName(name)) : [required(at.child("name"))])];
}

export function validateRoleRefUpdate(ref: RoleRef, old: RoleRef): FieldError[] {
  const { apiGroup = "", kind = "", name = "" } = ref;
  const same = apiGroup === (old.apiGroup ?? "") && kind === (old.kind ?? "") && name === (old.name ?? "");
  return same ? [] : [invalidValue("roleRef", { APIGroup: apiGroup, Kind: kind, Name: name }, "cannot change roleRef")];
}

const subjectKinds = ["ServiceAccount", "User", "Group"];

function validateSubject({ kind = "", apiGroup = "", name = "", namespace = "" }: Subject, namespaced: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = name ? [] : [required(at.child("name"))];
  const group = (expected: string): FieldError[] => (apiGroup === expected ? [] : [notSupportedText(at.child("apiGroup"), apiGroup, [expected])]);
  if (!subjectKinds.includes(kind)) return [...errors, notSupportedText(at.child("kind"), kind, subjectKinds)];
  if (kind !== "ServiceAccount") return [...errors, ...group(rbacGroup)];
  if (name) errors.push(...invalidAll(at.child("name"), name, nameIsDNSSubdomain(name, false)));
  errors.push(...group(""));
  return namespaced || namespace ? errors : [...errors, required(at.child("namespace"))];
}

export const validateSubjects = (subjects: Subject[] | undefined, namespaced: boolean): FieldError[] =>
  (subjects ?? []).flatMap((subject, i) => validateSubject(subject, namespaced, path("subjects").index(i)));

/** Users and groups are of RBAC's group where nothing else is said. */
export function setBindingDefaults(binding: { roleRef?: RoleRef; subjects?: Subject[] }): void {
  binding.roleRef ??= {} as RoleRef;
  binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= rbacGroup;
  }
}

/** Users, groups and service accounts, one cell each. */
export function subjectCells(subjects: Subject[] | undefined): [string, string, string] {
  const of = (kind: string): Subject[] => (subjects ?? []).filter((subject) => subject.kind === kind);
  const names = (kind: string): string =>
    of(kind)
      .map((subject) => subject.name)
      .join(", ");
  return [
    names("User"),
    names("Group"),
    of("ServiceAccount")
      .map((subject) => `${subject.namespace ?? ""}/${subject.name}`)
      .join(", "),
  ];
}
