/** Parameters of policies: of which kind they are, and which ones a binding uses (pkg/apis/admissionregistration/validation/validation.go). */
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, required } from "../field.ts";
import { parseGroupVersion, unexpectedGroupVersion } from "../group-version.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import { isDNS1035Label, isDNS1123Subdomain, isPathSegmentName } from "../names.ts";
import type { ParamKind, ParamRef } from "../types/admissionregistration-v1.gen.ts";

const notFoundActions = ["Deny", "Allow"];

export function validateParamKind({ apiVersion = "", kind = "" }: ParamKind, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const here = at.child("apiVersion");
  const given = parseGroupVersion(apiVersion);
  if (!apiVersion) errors.push(required(here));
  else if (!given) errors.push(invalidValue(here, apiVersion, unexpectedGroupVersion(apiVersion)));
  else {
    const { group, version } = given;
    const wrongGroup = group ? isDNS1123Subdomain(group) : [];
    if (wrongGroup.length) errors.push(invalidValue(here, group, wrongGroup.join(",")));
    const wrongVersion = version ? isDNS1035Label(version) : [];
    if (!version) errors.push(invalidValue(here, apiVersion, "version must be specified"));
    else if (wrongVersion.length) errors.push(invalidValue(here, version, wrongVersion.join(",")));
  }
  const wrongKind = isDNS1035Label(kind.toLowerCase());
  if (!kind) errors.push(required(at.child("kind")));
  else if (wrongKind.length) errors.push(invalidValue(at.child("kind"), kind, `may have mixed case, but should otherwise match: ${wrongKind.join(",")}`));
  return errors;
}

export function validateParamRef(reference: ParamRef | undefined, at: Path): FieldError[] {
  if (!reference) return [];
  const { name = "", selector, parameterNotFoundAction: action } = reference;
  const both = name !== "" && selector !== undefined;
  const exclusive = "name and selector are mutually exclusive";
  const errors = name ? isPathSegmentName(name).map((message) => invalidValue(at.child("name"), name, message)) : [];
  if (both) errors.push(forbiddenField(at.child("name"), exclusive));
  errors.push(...validateLabelSelector(selector, {}, at.child("selector")));
  if (both) errors.push(forbiddenField(at.child("selector"), exclusive));
  if (!name && !selector) errors.push(required(at, "one of name or selector must be specified"));
  const here = at.child("parameterNotFoundAction");
  if (!action) errors.push(required(here));
  else if (!notFoundActions.includes(action)) errors.push(notSupported(here, action, notFoundActions));
  return errors;
}
