/** Selectors and configuration, which classes and claims share (pkg/apis/resource/validation). */
import { encodeJSONString } from "../codec/json.ts";
import { type FieldError, forbiddenField, internalFieldError, invalidValue, type Path, required, tooLong } from "../field.ts";
import type { DeviceConfiguration, DeviceSelector } from "../types/resource-v1.gen.ts";
import { validateSlice } from "./collections.ts";
import { compileDeviceSelector, selectorCostLimit } from "./device-cel.ts";
import { validateDriver } from "./device-names.ts";

const maxSelectors = 32;
const maxExpression = 10 * 1024;
const maxParameters = 10 * 1024;

function validateSelector({ cel }: DeviceSelector, at: Path): FieldError[] {
  if (!cel) return [required(at.child("cel"))];
  const here = at.child("cel", "expression");
  const { expression } = cel;
  if (Buffer.byteLength(expression) > maxExpression) return [tooLong(here, maxExpression)];
  const compiled = compileDeviceSelector(expression);
  if ("kind" in compiled) return [compiled.kind === "invalid" ? invalidValue(here, expression, compiled.detail) : internalFieldError(here, compiled.detail)];
  return compiled.maxCost > selectorCostLimit ? [forbiddenField(here, "too complex, exceeds cost limit")] : [];
}
export const validateSelectors = (selectors: readonly DeviceSelector[] | undefined, at: Path): FieldError[] =>
  validateSlice(selectors, maxSelectors, validateSelector, at);

/** An object; `stored`: it was accepted when more was allowed. */
export function validateRaw(value: unknown, at: Path, stored: boolean, max = maxParameters): FieldError[] {
  if (value === undefined || value === null) return [required(at)];
  if (!stored && Buffer.byteLength(encodeJSONString(value)) > max) return [tooLong(at, max)];
  return typeof value === "object" && !Array.isArray(value) ? [] : [invalidValue(at, "<value omitted>", "must be a valid JSON object")];
}

export function validateConfiguration({ opaque }: DeviceConfiguration, at: Path, stored: boolean): FieldError[] {
  if (!opaque) return [required(at.child("opaque"))];
  const here = at.child("opaque");
  return [...validateDriver(opaque.driver, here.child("driver")), ...validateRaw(opaque.parameters, here.child("parameters"), stored)];
}
