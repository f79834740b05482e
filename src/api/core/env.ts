/** Environment of a container: literal values, references to fields, secrets, config maps and files. */
import { type FieldError, invalidValue, notSupportedText, type Path, required } from "../field.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isConfigMapKey, isRelaxedEnvVarName } from "../names.ts";
import type { EnvFromSource, EnvVar, FileKeySelector, ObjectFieldSelector, ResourceFieldSelector } from "../types/core-v1.gen.ts";
import { invalidAll, validateDNSLabel, validatePathNoBacksteps, validateQualifiedName } from "./checks.ts";
import { convertFieldLabel, splitSubscriptedPath } from "./field-path.ts";
import { canonicalQuantity, isZeroQuantity } from "./resource-list.ts";

const envFieldPaths = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const resourceFieldPaths = ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];
const hugePagesPrefix = /^(?:requests|limits)\.hugepages-/;

/** `paths`: what may be named without a subscript, sorted. */
export function validateObjectFieldSelector(selector: ObjectFieldSelector, paths: readonly string[], at: Path): FieldError[] {
  if (!selector.apiVersion) return [required(at.child("apiVersion"))];
  if (!selector.fieldPath) return [required(at.child("fieldPath"))];
  const converted = convertFieldLabel(selector.apiVersion, selector.fieldPath);
  if ("error" in converted) return [invalidValue(at.child("fieldPath"), selector.fieldPath, `error converting fieldPath: ${converted.error}`)];
  const split = splitSubscriptedPath(converted.path);
  if (split) {
    if (split.path === "metadata.annotations") return validateQualifiedName(split.subscript.toLowerCase(), at);
    if (split.path === "metadata.labels") return validateQualifiedName(split.subscript, at);
    return [invalidValue(at, split.path, "does not support subscript")];
  }
  return paths.includes(converted.path) ? [] : [notSupportedText(at.child("fieldPath"), converted.path, paths)];
}

const sizes = new Set(["1", ...["k", "M", "G", "T", "P", "E"].flatMap((unit) => [`1${unit}`, `1${unit === "k" ? "K" : unit}i`])]);
const sizeList = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";

function validateDivisor(resource: string, divisor: string | undefined, at: Path): FieldError[] {
  if (divisor === undefined || isZeroQuantity(divisor)) return [];
  const text = canonicalQuantity(divisor);
  const bad = (allowed: string, what: string): FieldError[] => [
    invalidValue(at.child("divisor"), resource, `only divisor's values ${allowed} are supported with the ${what} resource`),
  ];
  if (resource === "limits.cpu" || resource === "requests.cpu") return text === "1m" || text === "1" ? [] : bad("1m and 1", "cpu");
  if (sizes.has(text)) return [];
  if (resource === "limits.memory" || resource === "requests.memory") return bad(sizeList, "memory");
  if (resource === "limits.ephemeral-storage" || resource === "requests.ephemeral-storage") return bad(sizeList, "local ephemeral storage");
  return hugePagesPrefix.test(resource) ? bad(sizeList, "hugepages") : [];
}

/** In a volume the container must be named. */
export function validateResourceFieldSelector(selector: ResourceFieldSelector, at: Path, volume: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (volume && !selector.containerName) errors.push(required(at.child("containerName")));
  else if (!selector.resource) errors.push(required(at.child("resource")));
  else if (!resourceFieldPaths.includes(selector.resource) && !hugePagesPrefix.test(selector.resource))
    errors.push(notSupportedText(at.child("resource"), selector.resource, resourceFieldPaths));
  return [...errors, ...validateDivisor(selector.resource ?? "", selector.divisor, at)];
}

function validateKeySelector(selector: { name?: string; key: string }, at: Path): FieldError[] {
  const errors = invalidAll(at.child("name"), selector.name ?? "", nameIsDNSSubdomain(selector.name ?? "", false));
  if (!selector.key) errors.push(required(at.child("key")));
  else errors.push(...invalidAll(at.child("key"), selector.key, isConfigMapKey(selector.key)));
  return errors;
}

function validateFileKeySelector(selector: FileKeySelector, at: Path): FieldError[] {
  const errors = selector.key ? invalidAll(at.child("key"), selector.key, isRelaxedEnvVarName(selector.key)) : [required(at.child("key"))];
  errors.push(...(selector.volumeName ? validateDNSLabel(selector.volumeName, at.child("volumeName")) : [required(at.child("volumeName"))]));
  errors.push(...(selector.path ? validatePathNoBacksteps(selector.path, at.child("path")) : [required(at.child("path"))]));
  return errors;
}

function validateValueFrom(variable: EnvVar, at: Path): FieldError[] {
  const from = variable.valueFrom;
  if (!from) return [];
  const errors: FieldError[] = [];
  let sources = 0;
  const source = (found: FieldError[]): void => {
    sources++;
    errors.push(...found);
  };
  if (from.fieldRef) source(validateObjectFieldSelector(from.fieldRef, envFieldPaths, at.child("fieldRef")));
  if (from.resourceFieldRef) source(validateResourceFieldSelector(from.resourceFieldRef, at.child("resourceFieldRef"), false));
  if (from.configMapKeyRef) source(validateKeySelector(from.configMapKeyRef, at.child("configMapKeyRef")));
  if (from.secretKeyRef) source(validateKeySelector(from.secretKeyRef, at.child("secretKeyRef")));
  if (from.fileKeyRef) source(validateFileKeySelector(from.fileKeyRef, at.child("fileKeyRef")));
  if (sources === 0)
    errors.push(invalidValue(at, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
  else if (variable.value) errors.push(invalidValue(at, "", "may not be specified when `value` is not empty"));
  else if (sources > 1) errors.push(invalidValue(at, "", "may not have more than one field specified at a time"));
  return errors;
}

export function validateEnv(variables: EnvVar[] | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, variable] of (variables ?? []).entries()) {
    const here = at.index(i);
    if (!variable.name) errors.push(required(here.child("name")));
    else errors.push(...invalidAll(here.child("name"), variable.name, isRelaxedEnvVarName(variable.name)));
    if (variable.valueFrom) errors.push(...validateValueFrom(variable, here.child("valueFrom")));
  }
  return errors;
}

const validateSourceName = (source: { name?: string }, at: Path): FieldError[] =>
  source.name ? invalidAll(at.child("name"), source.name, nameIsDNSSubdomain(source.name, true)) : [required(at.child("name"))];

export function validateEnvFrom(sources: EnvFromSource[] | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, source] of (sources ?? []).entries()) {
    const here = at.index(i);
    if (source.prefix) errors.push(...invalidAll(here.child("prefix"), source.prefix, isRelaxedEnvVarName(source.prefix)));
    if (source.configMapRef) errors.push(...validateSourceName(source.configMapRef, here.child("configMapRef")));
    if (source.secretRef) errors.push(...validateSourceName(source.secretRef, here.child("secretRef")));
    if (!source.configMapRef && !source.secretRef) errors.push(invalidValue(at, "", "must specify one of: `configMapRef` or `secretRef`"));
    else if (source.configMapRef && source.secretRef) errors.push(invalidValue(at, "", "may not have more than one field specified at a time"));
  }
  return errors;
}
