/** Whether a policy or a binding matches a request, and as what the object is shown to it (k8s.io/apiserver/pkg/admission/plugin/policy/matching). */
import type { NamedRuleWithOperations } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AdmissionAttributes, Face, Faces } from "../admission.ts";
import { namespaceMatches, objectMatches, ruleMatches } from "../matching.ts";
import type { Matcher } from "./source.ts";

const chooses = (rule: NamedRuleWithOperations, attributes: AdmissionAttributes, face: Face): boolean =>
  ruleMatches(rule, attributes, face.resource) && (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name));

function faceOfRules(
  rules: readonly NamedRuleWithOperations[],
  matchPolicy: string | undefined,
  attributes: AdmissionAttributes,
  faces: Faces,
): Face | undefined {
  for (const rule of rules) if (chooses(rule, attributes, faces.own)) return faces.own;
  if (matchPolicy === undefined || matchPolicy === "Exact") return undefined;
  // Earlier rules first.
  for (const rule of rules) for (const face of faces.equivalents()) if (chooses(rule, attributes, face)) return face;
  return undefined;
}

/** undefined: it does not match. Throws the Status of what cannot be told. */
export function faceOf({ match, namespaceSelector, objectSelector }: Matcher, attributes: AdmissionAttributes, faces: Faces, reader: Reader): Face | undefined {
  const inNamespace = namespaceMatches(namespaceSelector, attributes, reader);
  if (inNamespace === false) return undefined;
  const onObject = objectMatches(objectSelector, attributes, faces.own);
  if (onObject === false) return undefined;
  const { resourceRules, excludeResourceRules, matchPolicy } = match;
  if (excludeResourceRules && faceOfRules(excludeResourceRules, matchPolicy, attributes, faces)) return undefined;
  const face = resourceRules?.length ? faceOfRules(resourceRules, matchPolicy, attributes, faces) : faces.own;
  if (!face) return undefined;
  if (inNamespace !== true) throw inNamespace;
  if (onObject !== true) throw onObject;
  return face;
}
