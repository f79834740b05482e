/** Resource names, amounts and requirements of containers and pods. */
import { type FieldError, duplicate, forbiddenField, invalidValue, notFoundValue, notSupported, type Path, required, invalidNamed } from "../field.ts";
import { isQualifiedName } from "../names.ts";
import { parseQuantity, type Quantity } from "../quantity.ts";
import type { PodSpec, ResourceClaim, ResourceRequirements } from "../types/core-v1.gen.ts";
import { invalidAllNamed, isNegativeMessage, isNotPositiveMessage, validateDNSLabel } from "./checks.ts";
import { containersOf } from "./pod-containers.ts";
import { aggregateContainerLimits, aggregateContainerRequests, isSupportedPodLevelResource } from "./pod-resources.ts";
import { canonicalQuantity, compareQuantities, isWhole, type ResourceList } from "./resource-list.ts";
import {
  isExtendedResource,
  isHugePages,
  isIntegerResource,
  isNativeResource,
  isOvercommitAllowed,
  isStandardContainerResource,
  isStandardQuotaResource,
  isStandardResource,
} from "./resource-names.ts";
import { own } from "../../base/table.ts";

/** `invalid` writes what is wrong with the characters of a name. */
export function validateResourceName(name: string, at: Path, invalid = invalidAllNamed): FieldError[] {
  const errors = invalid(at, name, isQualifiedName(name));
  if (errors.length || name.includes("/") || isStandardResource(name)) return errors;
  return [invalidNamed(at, name, "must be a standard resource type or fully qualified")];
}

export function validateContainerResourceName(name: string, at: Path, invalid = invalidAllNamed): FieldError[] {
  if (isStandardContainerResource(name) && !isHugePages(name)) return [];
  const errors = validateResourceName(name, at, invalid);
  if (!name.includes("/")) {
    if (!isStandardContainerResource(name)) errors.push(invalidNamed(at, name, "must be a standard resource for containers"));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalidNamed(at, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

function validatePodResourceName(name: string, at: Path): FieldError[] {
  const errors = validateResourceName(name, at);
  if (errors.length || isSupportedPodLevelResource(name)) return errors;
  return [notSupported(at, name, ["cpu", "hugepages-", "memory"])];
}

export function validateQuotaResourceName(name: string, at: Path): FieldError[] {
  const errors = validateResourceName(name, at);
  if (!name.includes("/") && !isStandardQuotaResource(name)) errors.push(invalidNamed(at, name, "must be a standard resource for quota"));
  return errors;
}

/** In thousandths: of what is kept with decimals, their number decides what 64 bits make of a negative amount. */
const asDefaulted = (text: string): Quantity => parseQuantity(text).roundUp(-3);

type Read = (text: string) => Quantity;

/** Not negative, and whole where only whole amounts make sense. */
export function validateQuantityValue(name: string, text: string, at: Path, read: Read = asDefaulted): FieldError[] {
  const quantity = read(text);
  const errors: FieldError[] = quantity.sign() < 0 ? [invalidValue(at, quantity.toString(), isNegativeMessage)] : [];
  if (isIntegerResource(name) && !isWhole(quantity)) errors.push(invalidValue(at, quantity.toString(), "must be an integer"));
  return errors;
}

export const validatePositiveQuantity = (text: string, at: Path): FieldError[] =>
  parseQuantity(text).sign() <= 0 ? [invalidValue(at, canonicalQuantity(text), isNotPositiveMessage)] : [];

export function validateBasicResource(text: string, at: Path): FieldError[] {
  const value = parseQuantity(text).value();
  return value < 0n ? [invalidValue(at, value, "must be a valid resource quantity")] : [];
}

function isDivisible(name: string, quantity: Quantity): boolean {
  let size: Quantity;
  try {
    size = parseQuantity(name.slice("hugepages-".length));
  } catch {
    return false; // A name without a size divides nothing.
  }
  // A size that 64 bits do not hold may come out as none.
  return size.sign() > 0 && isWhole(size) && size.value() !== 0n && quantity.value() % size.value() === 0n;
}

function indivisible(list: ResourceList | undefined): boolean {
  return Object.entries(list ?? {}).some(([name, text]) => isHugePages(name) && !isDivisible(name, asDefaulted(text)));
}
export const hasIndivisibleHugePages = (spec: PodSpec): boolean =>
  containersOf(spec).some((c) => indivisible(c.resources?.limits) || indivisible(c.resources?.requests)) || indivisible(spec.overhead);

function validateHugePages(name: string, text: string, at: Path, read: Read): FieldError[] {
  if (isDivisible(name, read(text))) return [];
  const shown = canonicalQuantity(text);
  return [invalidValue(at, shown, `${shown} is not positive integer multiple of ${name}`)];
}

function validateClaims(claims: ResourceClaim[] | undefined, podClaims: Set<string>, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, claim] of (claims ?? []).entries()) {
    const here = at.index(i);
    const name = claim.name;
    if (!name) {
      errors.push(required(here));
      continue;
    }
    if (names.has(name)) errors.push(duplicate(here, name));
    else {
      const key = claim.request ? `${name}/${claim.request}` : name;
      if (claim.request) errors.push(...validateDNSLabel(claim.request, here.child("request")));
      if (names.has(key)) errors.push(duplicate(here, key));
      else if (!claim.request) for (const other of names) if (other.startsWith(`${name}/`)) errors.push(duplicate(here, name));
      names.add(key);
    }
    if (!podClaims.has(name)) {
      const known = podClaims.size ? `: ${[...podClaims].sort().join(", ")}` : " which is empty";
      const error = notFoundValue(here, name);
      errors.push({ ...error, body: `${error.body}: must be one of the names in pod.spec.resourceClaims${known}` });
    }
  }
  return errors;
}

export interface RequirementOptions {
  allowIndivisibleHugePages?: boolean;
  /** Nothing has rounded the amounts to thousandths. */
  undefaulted?: boolean;
}

function validateRequirements(
  requirements: ResourceRequirements,
  validateName: (name: string, at: Path) => FieldError[],
  podClaims: Set<string>,
  at: Path,
  options: RequirementOptions,
): FieldError[] {
  const { limits = {}, requests = {} } = requirements;
  const limitsPath = at.child("limits");
  const requestsPath = at.child("requests");
  const errors: FieldError[] = [];
  const read = options.undefaulted ? parseQuantity : asDefaulted;
  const ofPages = (name: string, text: string, here: Path): FieldError[] =>
    options.allowIndivisibleHugePages || !isHugePages(name) ? [] : validateHugePages(name, text, here, read);
  for (const [name, text] of Object.entries(limits)) {
    const here = limitsPath.key(name);
    errors.push(...validateName(name, here), ...validateQuantityValue(name, text, here, read), ...ofPages(name, text, here));
  }
  for (const [name, text] of Object.entries(requests)) {
    const here = requestsPath.key(name);
    errors.push(...validateName(name, here), ...validateQuantityValue(name, text, here, read));
    const limit = own(limits, name);
    if (limit !== undefined) {
      const order = compareQuantities(text, limit);
      const relation = order !== 0 && !isOvercommitAllowed(name) ? "equal to" : order > 0 ? "less than or equal to" : undefined;
      if (relation) errors.push(invalidValue(requestsPath, canonicalQuantity(text), `must be ${relation} ${name} limit of ${canonicalQuantity(limit)}`));
    } else if (!isOvercommitAllowed(name)) errors.push(required(limitsPath, "Limit must be set for non overcommitable resources"));
    errors.push(...ofPages(name, text, here));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) errors.push(forbiddenField(at, "HugePages require cpu or memory"));
  if (requirements.claims) errors.push(...validateClaims(requirements.claims, podClaims, at.child("claims")));
  return errors;
}

/** `podClaims`: the names in spec.resourceClaims. */
export const validateContainerResources = (requirements: ResourceRequirements, podClaims: Set<string>, at: Path, options: RequirementOptions): FieldError[] =>
  validateRequirements(requirements, validateContainerResourceName, podClaims, at, options);

/** Pod-level resources bound what the containers say (KEP-2837). */
export function validatePodLevelResources(spec: PodSpec, podClaims: Set<string>, at: Path, options: RequirementOptions): FieldError[] {
  const resources = spec.resources;
  if (!resources) return [];
  if (spec.os?.name === "windows") return [forbiddenField(at, "may not be set for a windows pod")];
  const errors: FieldError[] = resources.claims ? [forbiddenField(at.child("claims"), "claims may not be set for Resources at pod-level")] : [];
  errors.push(...validateRequirements(resources, validatePodResourceName, podClaims, at, options));
  for (const [name, sum] of Object.entries(aggregateContainerRequests(spec))) {
    const amount = own(resources.requests, name);
    if (amount !== undefined && compareQuantities(sum, amount) > 0) {
      const why = `must be greater than or equal to aggregate container requests of ${sum}`;
      errors.push(invalidValue(at.child("requests").key(name), canonicalQuantity(amount), why));
    }
  }
  for (const [name, sum] of Object.entries(aggregateContainerLimits(spec))) {
    const amount = own(resources.limits, name);
    if (isHugePages(name) && amount !== undefined && compareQuantities(sum, amount) > 0) {
      errors.push(
        invalidValue(at.child("limits").key(name), canonicalQuantity(amount), `must be greater than or equal to aggregate container limits of ${sum}`),
      );
    }
  }
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = own(resources.limits, name);
      if (most === undefined || compareQuantities(limit, most) <= 0) continue;
      const here = at.child("containers").index(i).key(name).child("limits");
      errors.push(invalidValue(here, canonicalQuantity(limit), `must be less than or equal to pod limits of ${canonicalQuantity(most)}`));
    }
  }
  return errors;
}
