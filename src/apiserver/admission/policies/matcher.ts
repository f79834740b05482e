/** Whether a policy or a binding matches a request, and as what the object is shown to it (k8s.io/apiserver/pkg/admission/plugin/policy/matching). */
import type { NamedRuleWithOperations } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AdmissionAttributes, Face, Faces } from "../admission.ts";
import { namespaceMatches, objectMatches, ruleMatches } from "../matching.ts";
import type { Matcher } from "./source.ts";

function faceOfRules(
  rules: readonly NamedRuleWithOperations[],
  matchPolicy: string | undefined,
  attributes: AdmissionAttributes,
  faces: Faces,
): Face | undefined {
  const named = ({ resourceNames = [] }: NamedRuleWithOperations): boolean => !resourceNames.length || resourceNames.includes(attributes.name);
  const chooses = (rule: NamedRuleWithOperations, face: Face): boolean => ruleMatches(rule, attributes, face.resource) && named(rule);
  if (rules.some((rule) => chooses(rule, faces.own))) return faces.own;
  if (matchPolicy === undefined || matchPolicy === "Exact") return undefined;
  const equivalents = faces.equivalents();
  for (const rule of rules) {
    const found = equivalents.find((face) => chooses(rule, face));
    if (found) return found;
  }
  return undefined;
}

/** undefined: it does not match. Throws the Status of what cannot be told. */
export function faceOf({ match, namespaceSelector, objectSelector }: Matcher, attributes: AdmissionAttributes, faces: Faces, reader: Reader): Face | undefined {
  const inNamespace = namespaceMatches(namespaceSelector, attributes, reader);
  if (inNamespace === false) return undefined;
  const onObject = objectMatches(objectSelector, attributes, faces.own);
  if (onObject === false) return undefined;
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = match;
  if (faceOfRules(excludeResourceRules, matchPolicy, attributes, faces)) return undefined;
  const face = resourceRules.length ? faceOfRules(resourceRules, matchPolicy, attributes, faces) : faces.own;
  if (!face) return undefined;
  for (const failure of [inNamespace, onObject]) if (failure !== true) throw failure;
  return face;
}
