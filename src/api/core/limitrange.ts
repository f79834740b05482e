/** LimitRanges (pkg/registry/core/limitrange). */
import { type FieldError, forbiddenField, invalidNamed, invalidValue, type Path, path, required, duplicateNamed } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isQualifiedName } from "../names.ts";
import { parseQuantity, Quantity } from "../quantity.ts";
import type { LimitRange, LimitRangeItem } from "../types/core-v1.gen.ts";
import { validateMetadata } from "./object-meta.ts";
import { type ResourceList, roundUpToMilli } from "./resource-list.ts";
import { isOvercommitAllowed } from "./resource-names.ts";
import { validateContainerResourceName, validateResourceName } from "./resources.ts";
import { own } from "../../base/table.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const standardTypes = ["Pod", "Container", "PersistentVolumeClaim"];

function validateType(type: string, at: Path): FieldError[] {
  const errors = isQualifiedName(type).map((why) => invalidNamed(at, type, why));
  if (errors.length || type.includes("/") || standardTypes.includes(type)) return errors;
  return [invalidNamed(at, type, "must be a standard limit type or fully qualified")];
}

const one = new Quantity(1n);
const maxMilli = (2n ** 63n - 1n) / 1000n;

/** The ratio that max and min allow, as upstream computes it: in thousandths unless that overflows. */
function ratios(ratio: Quantity, min: Quantity, max: Quantity): { ratio: number; limit: number } {
  const values = [ratio, min, max].map((q) => q.value());
  if (values.some((value) => value >= maxMilli)) return { ratio: Number(values[0]), limit: Number(values[2]) / Number(values[1]) };
  return { ratio: Number(ratio.milliValue()) / 1000, limit: Number(max.milliValue()) / Number(min.milliValue()) };
}

function goFixed(value: number): string {
  return Number.isNaN(value) ? "NaN" : Number.isFinite(value) ? value.toFixed(6) : value > 0 ? "+Inf" : "-Inf";
}

function validateAmounts(item: LimitRangeItem, name: string, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const get = (list: ResourceList | undefined): Quantity | undefined => {
    const amount = own(list, name);
    return amount === undefined ? undefined : parseQuantity(amount);
  };
  const pod = item.type === "Pod";
  const [min, max, ratio] = [get(item.min), get(item.max), get(item.maxLimitRequestRatio)];
  const limit = pod ? undefined : get(item.default);
  const request = pod ? undefined : get(item.defaultRequest);
  const wrong = (field: string, shown: Quantity, why: string): void => {
    errors.push(invalidValue(at.child(field).key(name), shown.toString(), why));
  };
  const above = (a: Quantity | undefined, b: Quantity | undefined): boolean => a !== undefined && b !== undefined && a.cmp(b) > 0;
  if (above(min, max)) wrong("min", min!, `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) wrong("defaultRequest", request!, `min value ${min} is greater than default request value ${request}`);
  if (above(request, max)) wrong("defaultRequest", request!, `default request value ${request} is greater than max value ${max}`);
  if (above(request, limit)) wrong("defaultRequest", request!, `default request value ${request} is greater than default limit value ${limit}`);
  if (above(min, limit)) wrong("default", min!, `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) wrong("default", max!, `default value ${limit} is greater than max value ${max}`);
  if (ratio && ratio.cmp(one) < 0) wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
  if (ratio && min && max) {
    const values = ratios(ratio, min, max);
    if (values.ratio > values.limit) wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is greater than max/min = ${goFixed(values.limit)}`);
  }
  if (!isOvercommitAllowed(name) && limit && request && limit.cmp(request) !== 0)
    wrong("defaultRequest", request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`);
  return errors;
}

function validateItem(item: LimitRangeItem, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const checkName = item.type === "Pod" || item.type === "Container" ? validateContainerResourceName : validateResourceName;
  const check = (field: "max" | "min" | "default" | "defaultRequest" | "maxLimitRequestRatio"): void => {
    for (const name of Object.keys(item[field] ?? {})) {
      errors.push(...checkName(name, at.child(field).key(name)));
      names.add(name);
    }
  };
  check("max");
  check("min");
  for (const field of ["default", "defaultRequest"] as const) {
    if (item.type !== "Pod") check(field);
    else if (Object.keys(item[field] ?? {}).length) errors.push(forbiddenField(at.child(field), "may not be specified when `type` is 'Pod'"));
  }
  if (item.type === "PersistentVolumeClaim" && item.min?.storage === undefined && item.max?.storage === undefined)
    errors.push(required(at.child("limits"), "either minimum or maximum storage value is required, but neither was provided"));
  check("maxLimitRequestRatio");
  for (const name of names) errors.push(...validateAmounts(item, name, at));
  return errors;
}

function validateLimitRange(range: LimitRange): FieldError[] {
  const errors = validateMetadata(range.metadata, rules);
  const types = new Set<string>();
  for (const [i, item] of (range.spec?.limits ?? []).entries()) {
    const at = path("spec", "limits").index(i);
    const type = item.type ?? "";
    errors.push(...validateType(type, at.child("type")));
    if (types.has(type)) errors.push(duplicateNamed(at.child("type"), type));
    types.add(type);
    errors.push(...validateItem(item, at));
  }
  return errors;
}

function setItemDefaults(item: LimitRangeItem): void {
  if (item.type === "Container") {
    const limits = { ...item.max, ...item.default };
    const requests = { ...item.min, ...limits, ...item.defaultRequest };
    if (Object.keys(limits).length) item.default = limits;
    if (Object.keys(requests).length) item.defaultRequest = requests;
  }
  for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) roundUpToMilli(list);
}

export const limitRangeKind: Kind<LimitRange> = {
  resource: "limitranges",
  allowCreateOnUpdate: true,
  setDefaults(range) {
    for (const item of range.spec?.limits ?? []) setItemDefaults(item);
  },
  prepareForCreate(range) {
    // One without a name is given a unique one.
    range.metadata.name ||= range.metadata.uid;
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
  cells: (range) => [range.metadata.name, range.metadata.creationTimestamp ?? "0001-01-01T00:00:00Z"],
};
