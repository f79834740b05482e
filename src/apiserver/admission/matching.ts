/** Which requests rules and selectors choose (k8s.io/apiserver/pkg/admission/plugin/webhook/predicates). */
import type { KubeObject } from "../../api/object.ts";
import { type LabelSelector, SelectorError, selectorOf } from "../../api/selectors/labels.ts";
import { internalError, notFound, type StatusError } from "../../api/status.ts";
import type { RuleWithOperations } from "../../api/types/admissionregistration-v1.gen.ts";
import type { LabelSelector as LabelSelectorSpec } from "../../api/types/meta-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, Face, GroupVersionResource } from "./admission.ts";

const group = "admissionregistration.k8s.io";
/** What decides about requests is not decided about by its like. */
export const isExempt = ({ resource }: AdmissionAttributes): boolean => resource.group === group;

const has = (values: readonly string[] | undefined, value: string): boolean => values !== undefined && (values.includes(value) || values.includes("*"));

/** `entry`: `pods`, `pods/status`, `pods/*`, `*`. */
function names(entry: string, resource: string, subresource: string): boolean {
  const slash = entry.indexOf("/");
  const named = slash < 0 ? entry : entry.slice(0, slash);
  const below = slash < 0 ? "" : entry.slice(slash + 1);
  return (named === "*" || named === resource) && (below === "*" || below === subresource);
}

function inScope(scope: string | undefined, { namespace }: AdmissionAttributes, of: GroupVersionResource): boolean {
  if (scope === undefined || scope === "*") return true;
  const isNamespace = of.group === "" && of.version === "v1" && of.resource === "namespaces";
  if (scope === "Namespaced") return !isNamespace && namespace !== "";
  return scope === "Cluster" && (isNamespace || namespace === "");
}

/** `of`: the request's own resource, or an equivalent one. */
export function ruleMatches(rule: RuleWithOperations, attributes: AdmissionAttributes, of: GroupVersionResource): boolean {
  if (!inScope(rule.scope, attributes, of)) return false;
  if (!has(rule.operations, attributes.operation) || !has(rule.apiGroups, of.group) || !has(rule.apiVersions, of.version)) return false;
  for (const entry of rule.resources ?? []) if (names(entry, of.resource, attributes.subresource)) return true;
  return false;
}

/** A selector that could not be parsed is an error once something asks for it. */
export type ParsedSelector = LabelSelector | Error;

/** Whether the namespace is chosen; an error counts only for those that match in all other ways. */
export function namespaceMatches(selector: ParsedSelector, attributes: AdmissionAttributes, reader: Reader): boolean | StatusError {
  const { namespace, resource, subresource, operation, object } = attributes;
  if (namespace === "" && resource.resource !== "namespaces") return true;
  if (selector instanceof Error) return internalError(selector.message);
  if (selector.empty) return true;
  if (resource.resource === "namespaces" && subresource === "" && (operation === "CREATE" || operation === "UPDATE"))
    return selector.matches(object?.metadata.labels);
  const labels = reader.labels("namespaces", "", namespace);
  return labels ? selector.matches(labels) : notFound("namespaces", namespace);
}

/** Whether what is written or what there was is chosen. */
export function objectMatches(selector: ParsedSelector, { object, old }: AdmissionAttributes, own: Face): boolean | StatusError {
  if (selector instanceof Error) return internalError(selector.message);
  if (selector.empty) return true;
  const chosen = (one: KubeObject | undefined): boolean => one !== undefined && selector.matches(own.labels(one));
  return chosen(object) || chosen(old);
}

export function parsedSelector(spec: LabelSelectorSpec | undefined): ParsedSelector {
  try {
    return selectorOf(spec);
  } catch (error) {
    if (error instanceof SelectorError) return error;
    throw error;
  }
}
