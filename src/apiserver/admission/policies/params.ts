/** The parameters that a binding gives to its policy (k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go). */
import { kindText } from "../../../api/group-version.ts";
import type { JSONObject } from "../../../api/json.ts";
import { selectorOf } from "../../../api/selectors/labels.ts";
import type { ParamKind, ParamRef } from "../../../api/types/admissionregistration-v1.gen.ts";

/** Objects of one kind, as clients of its version see them. */
export interface ParamSource {
  readonly namespaced: boolean;
  get(namespace: string, name: string): Promise<JSONObject | undefined>;
  /** `matches` by labels. */
  list(namespace: string, matches: (labels: Readonly<Record<string, string>>) => boolean): Promise<JSONObject[]>;
}
/** undefined: there is no such kind. */
export type ParamSources = (apiVersion: string, kind: string) => ParamSource | undefined;

/** The policy or its binding cannot be used as it is. */
export class ConfigurationError extends Error {}

/** Throws ConfigurationError. */
export function paramSourceOf(kind: ParamKind | undefined, sources: ParamSources): ParamSource | undefined {
  if (!kind) return undefined;
  const source = sources(kind.apiVersion ?? "", kind.kind ?? "");
  if (!source) throw new ConfigurationError(`failed to find resource referenced by paramKind: '${kindText(kind.apiVersion, kind.kind)}'`);
  return source;
}

/** One null: the policy is evaluated without; none: it is not evaluated. Rejects with ConfigurationError. */
export async function paramsOf(source: ParamSource | undefined, reference: ParamRef | undefined, requestNamespace: string): Promise<(JSONObject | null)[]> {
  if (!source || !reference) return [null];
  const { name, selector, namespace: own = "", parameterNotFoundAction } = reference;
  const namespace = source.namespaced ? own || requestNamespace : "";
  if (source.namespaced && !namespace) throw new ConfigurationError("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  if (own && !source.namespaced) throw new ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  let params: JSONObject[];
  if (name) {
    const found = await source.get(namespace, name);
    params = found ? [found] : [];
  } else {
    const selected = selectorOf(selector);
    params = await source.list(namespace, (labels) => selected.matches(labels));
  }
  if (!params.length && parameterNotFoundAction === "Deny")
    throw new ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction");
  return params;
}
