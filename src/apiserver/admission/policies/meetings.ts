/** Where policies and requests meet (k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go). */
import type { PolicyBinding } from "../../../api/admissionregistration/binding.ts";
import type { JSONObject } from "../../../api/json.ts";
import { StatusError } from "../../../api/status.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AdmissionAttributes, Face, Faces } from "../admission.ts";
import { faceOf } from "./matcher.ts";
import { ConfigurationError, type ParamSources, paramSourceOf, paramsOf } from "./params.ts";
import type { BoundPolicy, Policy } from "./source.ts";

export interface Meeting {
  readonly binding: PolicyBinding;
  /** What the policy sees of the request. */
  readonly face: Face;
  readonly params: readonly (JSONObject | null)[];
}

/**
 * The bindings by which a policy concerns the request, one after the other. What cannot be found out by a mistake of whoever
 * configured it is told `misconfigured`, and the rest goes on.
 */
export async function* meetings<P extends Policy, C>(
  { policy, matcher, bindings }: BoundPolicy<P, C>,
  attributes: AdmissionAttributes,
  faces: Faces,
  { reader, params }: { reader: Reader; params: ParamSources },
  misconfigured: (policy: P, message: string, binding?: PolicyBinding) => void,
): AsyncGenerator<Meeting> {
  const told = (error: unknown, binding?: PolicyBinding): void => {
    if (!(error instanceof ConfigurationError) && !(error instanceof StatusError)) throw error;
    misconfigured(policy, `failed to configure ${binding ? "binding" : "policy"}: ${error.message}`, binding);
  };
  let face: Face | undefined;
  let source: ReturnType<typeof paramSourceOf>;
  try {
    face = matcher && faceOf(matcher, attributes, faces, reader);
    if (!face) return;
    source = paramSourceOf(policy.spec.paramKind, params);
  } catch (error) {
    return told(error);
  }
  for (const { binding, matcher: own } of bindings) {
    let found: (JSONObject | null)[];
    try {
      if (own && !faceOf(own, attributes, faces, reader)) continue;
      found = await paramsOf(source, binding.spec.paramRef, attributes.namespace);
    } catch (error) {
      told(error, binding);
      continue;
    }
    if (found.length) yield { binding, face, params: found };
  }
}
