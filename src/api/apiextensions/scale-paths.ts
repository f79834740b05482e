/** Where a custom resource keeps its replicas and the selector of what it scales. */
import { own } from "../../base/table.ts";
import { put } from "../codec/json.ts";
import { type FieldError, invalidValue } from "../field.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { goText, isGoInteger } from "../patch/values.ts";
import type { CustomResourceSubresourceScale } from "../types/apiextensions-v1.gen.ts";

export const splitPath = (path: string): string[] => path.replace(/^\./, "").split(".");

/** Why it cannot be read, in Go's words. */
export class ScalePathError extends Error {}

const goType = (value: JSONValue): string => {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "object") return "map[string]interface {}";
  return typeof value === "bigint" || isGoInteger(value) ? "int64" : "float64";
};

/** undefined behind a null. Throws ScalePathError where something on the way is no object. */
function valueAt(object: JSONObject, path: readonly string[]): JSONValue | undefined {
  let at: JSONValue | undefined = object;
  for (const [i, name] of path.entries()) {
    if (!isMap(at)) {
      if (at === undefined || at === null) return undefined;
      throw new ScalePathError(
        `.${path.slice(0, i + 1).join(".")} accessor error: ${goText(at)} is of the type ${goType(at)}, expected map[string]interface{}`,
      );
    }
    at = own(at, name);
  }
  return at;
}

/** Throws ScalePathError. */
export function integerAt(object: JSONObject, path: string): number | undefined {
  const parts = splitPath(path);
  const value = valueAt(object, parts);
  if (value === undefined) return undefined;
  if (typeof value === "bigint" || (typeof value === "number" && isGoInteger(value))) return Number(value);
  throw new ScalePathError(`.${parts.join(".")} accessor error: ${goText(value)} is of the type ${goType(value)}, expected int64`);
}
/** Throws ScalePathError. */
export function textAt(object: JSONObject, path: string): string | undefined {
  const parts = splitPath(path);
  const value = valueAt(object, parts);
  if (value === undefined || typeof value === "string") return value;
  throw new ScalePathError(`.${parts.join(".")} accessor error: ${goText(value)} is of the type ${goType(value)}, expected string`);
}

/** Makes the objects on the way. Throws ScalePathError where there is something else. */
export function setAt(object: JSONObject, path: string, value: JSONValue): void {
  const parts = splitPath(path);
  let place = object;
  for (const [i, name] of parts.slice(0, -1).entries()) {
    const next = Object.hasOwn(place, name) ? place[name] : {};
    if (!isMap(next)) throw new ScalePathError(`value cannot be set because .${parts.slice(0, i + 1).join(".")} is not a map[string]interface{}`);
    put(place, name, next);
    place = next;
  }
  put(place, parts.at(-1) as string, value);
}

function validateReplicas(object: JSONObject, path: string): FieldError[] {
  try {
    const replicas = integerAt(object, path) ?? 0;
    if (replicas < 0) return [invalidValue(path, replicas, "should be a non-negative integer")];
    return replicas > 2147483647 ? [invalidValue(path, replicas, "should be less than or equal to 2147483647")] : [];
  } catch (error) {
    if (error instanceof ScalePathError) return [invalidValue(path, 0, error.message)];
    throw error;
  }
}

export const validateScaleSpec = (object: JSONObject, scale: CustomResourceSubresourceScale | undefined): FieldError[] =>
  scale ? validateReplicas(object, scale.specReplicasPath) : [];

export function validateScaleStatus(object: JSONObject, scale: CustomResourceSubresourceScale | undefined): FieldError[] {
  if (!scale) return [];
  const errors = validateReplicas(object, scale.statusReplicasPath);
  if (scale.labelSelectorPath === undefined) return errors;
  try {
    textAt(object, scale.labelSelectorPath);
    return errors;
  } catch (error) {
    if (error instanceof ScalePathError) return [...errors, invalidValue(scale.labelSelectorPath, "", error.message)];
    throw error;
  }
}
