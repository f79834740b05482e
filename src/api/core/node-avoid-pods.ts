/** The annotation by which a node once said which pods it would rather not have (pkg/apis/core/validation, ValidateAvoidPodsInNodeAnnotations). */
import { DecodeError } from "../codec/decode-error.ts";
import { parseJSON } from "../codec/json.ts";
import { type FieldError, invalidValue, type Path, required } from "../field.ts";
import { jsonKind } from "../patch/values.ts";
import type { JSONObject, JSONValue } from "../json.ts";

const avoidPods = "scheduler.alpha.kubernetes.io/preferAvoidPods";
const isObject = (value: JSONValue | undefined): value is JSONObject => typeof value === "object" && value !== null && !Array.isArray(value);

export function validateAvoidPods(annotations: Record<string, string> | undefined, at: Path): FieldError[] {
  const text = annotations?.[avoidPods];
  if (!text) return [];
  const refused = (why: string): FieldError[] => [invalidValue(at.child("AvoidPods"), avoidPods, why)];
  let value: JSONValue;
  try {
    ({ value } = parseJSON(text));
  } catch (error) {
    if (error instanceof DecodeError) return refused(error.message);
    throw error;
  }
  if (value === null) return [];
  if (!isObject(value)) return refused(`json: cannot unmarshal ${jsonKind(value)} into Go value of type v1.AvoidPods`);
  const { preferAvoidPods: entries = null } = value;
  if (entries === null) return [];
  if (!Array.isArray(entries))
    return refused(`json: cannot unmarshal ${jsonKind(entries)} into Go struct field AvoidPods.preferAvoidPods of type []v1.PreferAvoidPodsEntry`);
  return entries.flatMap((entry, i) => {
    const signature = isObject(entry) ? entry.podSignature : undefined;
    const controller = isObject(signature) ? signature.podController : undefined;
    const here = at.child(avoidPods).index(i).child("PodSignature");
    if (!isObject(controller)) return [required(here)];
    return controller.controller === true ? [] : [invalidValue(here.child("PodController", "Controller"), false, "must point to a controller")];
  });
}
