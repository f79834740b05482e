/** Whether a webhook is called for a request, and as what the object is shown to it (k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go). */
import { conditionsBudget, Evaluation, evaluateConditions } from "../../../api/admissionregistration/evaluation.ts";
import { fromJSON } from "../../../api/cel/json.ts";
import { forbidden, groupResource, type StatusError } from "../../../api/status.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import type { ConditionSeries, HookType } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes, Face, Faces } from "../admission.ts";
import { AuthorizationChecks } from "../authorization-checks.ts";
import { namespaceMatches, objectMatches, ruleMatches } from "../matching.ts";
import { requestValue } from "../request-value.ts";
import type { Shown } from "./review.ts";
import type { Hook } from "./source.ts";

export interface InvocationOptions {
  reader: Reader;
  clock: Clock;
  authorizer: Authorizer;
  conditions: ConditionSeries;
  type: HookType;
}

export async function shownTo(face: Face, { object, old }: AdmissionAttributes): Promise<Shown> {
  return { object: object ? await face.show(object) : null, old: old ? await face.show(old) : null };
}

function faceFor({ webhook }: Hook, attributes: AdmissionAttributes, faces: Faces): Face | undefined {
  const { rules, matchPolicy } = webhook;
  if (!rules) return undefined;
  for (const rule of rules) if (ruleMatches(rule, attributes, faces.own.resource)) return faces.own;
  if (matchPolicy !== "Equivalent") return undefined;
  // Earlier rules first.
  for (const rule of rules) for (const face of faces.equivalents()) if (ruleMatches(rule, attributes, face.resource)) return face;
  return undefined;
}

/** By rules and selectors alone; undefined: it is not called. Throws the Status of a request that cannot be judged. */
function chosenFace(hook: Hook, attributes: AdmissionAttributes, faces: Faces, reader: Reader): Face | undefined {
  const inNamespace = namespaceMatches(hook.namespaceSelector, attributes, reader);
  if (inNamespace === false) return undefined;
  const onObject = objectMatches(hook.objectSelector, attributes, faces.own);
  if (onObject === false) return undefined;
  const face = faceFor(hook, attributes, faces);
  if (!face) return undefined;
  if (inNamespace !== true) throw inNamespace;
  if (onObject !== true) throw onObject;
  return face;
}

/** Whether any may be called, so that most writes, which concern none, wait for nothing. Throws as the first of them that would does. */
export function concerns(hooks: readonly Hook[], attributes: AdmissionAttributes, faces: Faces, reader: Reader): boolean {
  for (const hook of hooks) if (chosenFace(hook, attributes, faces, reader)) return true;
  return false;
}

/** undefined: it is not called. Throws the Status of a request that cannot be judged. */
export async function invocationOf(hook: Hook, attributes: AdmissionAttributes, faces: Faces, options: InvocationOptions): Promise<Face | undefined> {
  const face = chosenFace(hook, attributes, faces, options.reader);
  if (!face) return undefined;
  const conditions = hook.conditions();
  return !conditions.length || (await meets(hook, attributes, face, faces.own, options)) ? face : undefined;
}

async function meets(hook: Hook, attributes: AdmissionAttributes, face: Face, own: Face, options: InvocationOptions): Promise<boolean> {
  const { clock, conditions: series, type } = options;
  const { name, failurePolicy } = hook.webhook;
  const { operation, resource } = attributes;
  const began = clock.monotonic();
  const shown = await shownTo(face, attributes);
  const checks = new AuthorizationChecks(options.authorizer);
  const request = { ...requestValue(attributes, face, own), dryRun: attributes.dryRun, options: attributes.options ?? null };
  const bindings = {
    object: fromJSON(shown.object),
    oldObject: fromJSON(shown.old),
    params: null,
    request: fromJSON(request),
    namespaceObject: null,
    ...checks.variables(attributes),
  };
  const verdict = await checks.run(() => evaluateConditions(hook.conditions(), new Evaluation(bindings, conditionsBudget), failurePolicy));
  series.evaluated(name, "webhook", type, operation, (clock.monotonic() - began) / 1000);
  if (verdict.failures) series.failed(name, "webhook", type, operation, verdict.failures);
  if (verdict.error !== undefined) throw conditionFailure(resource.group, resource.resource, attributes.name, verdict.error);
  if (!verdict.matches) series.excluded(name, "webhook", type, operation);
  return verdict.matches;
}

const conditionFailure = (group: string, resource: string, name: string, why: string): StatusError => forbidden(groupResource(group, resource), name, why);
