/** Annotations by which nodes said things before there were fields for them (pkg/apis/core/validation, ValidateNodeSpecificAnnotations). */
import { DecodeError } from "../codec/decode-error.ts";
import { parseJSON } from "../codec/json.ts";
import { type FieldError, invalidValue, type Path, required } from "../field.ts";
import { jsonKind } from "../patch/values.ts";
import { isMap, type JSONValue } from "../json.ts";
import type { Taint } from "../types/core-v1.gen.ts";
import { annotationList } from "./annotation-list.ts";
import { validateTaints } from "./tolerations.ts";

const taints = "scheduler.alpha.kubernetes.io/taints";
const taintFields = { Key: "string", Value: "string", Effect: "core.TaintEffect" };
const avoidPods = "scheduler.alpha.kubernetes.io/preferAvoidPods";

export const validateNodeAnnotations = (annotations: Readonly<Record<string, string>> | undefined, at: Path): FieldError[] => [
  ...validateTaintsOf(annotations?.[taints], at),
  ...validateAvoidPods(annotations?.[avoidPods], at),
];

function validateTaintsOf(text: string | undefined, at: Path): FieldError[] {
  if (!text) return [];
  const read = annotationList<Taint>(text, "core.Taint", taintFields);
  return typeof read === "string" ? [invalidValue(at, taints, read)] : validateTaints(read, at.child(taints));
}

function validateAvoidPods(text: string | undefined, at: Path): FieldError[] {
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
  if (!isMap(value)) return refused(`json: cannot unmarshal ${jsonKind(value)} into Go value of type v1.AvoidPods`);
  const { preferAvoidPods: entries = null } = value;
  if (entries === null) return [];
  if (!Array.isArray(entries))
    return refused(`json: cannot unmarshal ${jsonKind(entries)} into Go struct field AvoidPods.preferAvoidPods of type []v1.PreferAvoidPodsEntry`);
  return entries.flatMap((entry, i) => {
    const signature = isMap(entry) ? entry.podSignature : undefined;
    const controller = isMap(signature) ? signature.podController : undefined;
    const here = at.child(avoidPods).index(i).child("PodSignature");
    if (!isMap(controller)) return [required(here)];
    return controller.controller === true ? [] : [invalidValue(here.child("PodController", "Controller"), false, "must point to a controller")];
  });
}
