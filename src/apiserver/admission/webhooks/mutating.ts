/**
 * MutatingAdmissionWebhook: one webhook after the other, each is shown what those before it made of the object; those that
 * wish it are called once more when the object changed after them (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating).
 */
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { encodeJSONString, parseJSON } from "../../../api/codec/json.ts";
import { semanticEqual } from "../../../api/core/semantic.ts";
import { goQuote } from "../../../api/field.ts";
import type { JSONObject, JSONValue } from "../../../api/json.ts";
import { JSONPatchError, runJSONPatch } from "../../../api/patch/json-patch.ts";
import { spelledOperations } from "../../../api/patch/spelling.ts";
import { internalError, StatusError, timeout } from "../../../api/status.ts";
import { type AdmissionAttributes, type AdmissionPlugin, type Face, Reinvocation } from "../admission.ts";
import { isExempt } from "../matching.ts";
import { ReinvocationState } from "../reinvocation-state.ts";
import { callWebhook } from "./call.ts";
import { CallFailure, Rejection } from "./failure.ts";
import { invocationOf, shownTo } from "./invocation.ts";
import type { Shown, Verdict } from "./review.ts";
import { type Hook, webhookSource } from "./source.ts";
import type { WebhookOptions } from "./validating.ts";

const name = "MutatingAdmissionWebhook";
const round = (attributes: AdmissionAttributes, index: number): string => `round_${attributes.reinvocation?.active ? 1 : 0}_index_${index}`;

interface Patch {
  operations: JSONValue[];
  /** Where its tests go by how their values are written. */
  spelled: JSONValue | undefined;
}

/** What an answer has of a patch; undefined where it has none. Throws CallFailure. */
function patchOf(webhook: string, { patch, patchType }: Verdict): Patch | undefined {
  if (!patch) return undefined;
  const undecodable = (why: string): CallFailure => new CallFailure(webhook, `received undecodable patch in webhook response: ${why}`, 503);
  let value: JSONValue;
  let spelled: JSONValue | undefined;
  try {
    ({ value } = parseJSON(patch));
    spelled = spelledOperations(patch, value);
  } catch (error) {
    if (error instanceof DecodeError) throw undecodable(error.message);
    throw error;
  }
  if (value === null) return undefined;
  if (!Array.isArray(value))
    throw undecodable(`json: cannot unmarshal ${typeof value === "object" ? "object" : typeof value} into Go value of type jsonpatch.Patch`);
  if (!value.length) return undefined;
  if (patchType !== "JSONPatch") throw new CallFailure(webhook, `unsupported patch type ${goQuote(patchType)}`, 400);
  return { operations: value, spelled };
}

function patched(shown: JSONObject, { operations, spelled }: Patch): JSONObject {
  try {
    return runJSONPatch(shown, spelled ?? operations, spelled !== undefined) as JSONObject;
  } catch (error) {
    if (error instanceof JSONPatchError || error instanceof StatusError) throw internalError(error.message);
    throw error;
  }
}

/** Whether the webhook changed the object. */
async function mutate(
  hook: Hook,
  index: number,
  face: Face,
  own: Face,
  shown: Shown,
  attributes: AdmissionAttributes,
  options: WebhookOptions,
): Promise<boolean> {
  const { configuration, webhook } = hook;
  let changed = false;
  try {
    const patch = patchOf(webhook.name, await callWebhook(hook, attributes, face, own, shown, true, options));
    if (!patch) return false;
    if (!attributes.object || !shown.object)
      throw internalError(`admission webhook ${goQuote(webhook.name)} attempted to modify the object, which is not supported for this operation`);
    let read: JSONObject;
    try {
      read = face.read(patched(shown.object, patch));
    } catch (error) {
      if (error instanceof DecodeError) throw internalError(error.message);
      throw error;
    }
    changed = !semanticEqual(face.read(shown.object), read);
    const note = encodeJSONString({ configuration, webhook: webhook.name, patch: patch.operations, patchType: "JSONPatch" });
    attributes.annotate?.(`patch.webhook.admission.k8s.io/${round(attributes, index)}`, note, true);
    await face.take(attributes.object, read);
    return changed;
  } finally {
    const note = encodeJSONString({ configuration, webhook: webhook.name, mutated: changed });
    attributes.annotate?.(`mutation.webhook.admission.k8s.io/${round(attributes, index)}`, note);
  }
}

/** Counts it; throws what refuses the request. */
async function counted(hook: Hook, index: number, run: () => Promise<boolean>, attributes: AdmissionAttributes, options: WebhookOptions): Promise<boolean> {
  const { series, clock, logger } = options;
  const { name: webhook, failurePolicy } = hook.webhook;
  const { operation } = attributes;
  const began = clock.monotonic();
  const ignores = failurePolicy === "Ignore";
  const called = (code: number, rejected: boolean): void => series.called(webhook, "admit", operation, code, rejected, (clock.monotonic() - began) / 1000);
  try {
    const changed = await run();
    called(200, false);
    return changed;
  } catch (error) {
    if (error instanceof Rejection) {
      series.rejected(webhook, "admit", operation, "no_error", error.status.code);
      called(error.status.code, true);
      throw error.status;
    }
    if (!(error instanceof CallFailure)) {
      series.rejected(webhook, "admit", operation, "apiserver_internal_error", 0);
      called(0, true);
      throw error;
    }
    if (!ignores && !error.cancelled) series.rejected(webhook, "admit", operation, "calling_webhook_error", error.code);
    called(error.code, !ignores);
    if (!ignores) {
      logger.warn("a webhook failed, and the request with it", { webhook, error: error.message });
      throw internalError(error.message);
    }
    if (attributes.request.signal.aborted) throw timeout("request did not complete within requested timeout");
    logger.warn("a webhook failed and is passed over", { webhook, error: error.message });
    series.failedOpen(webhook, "admit");
    attributes.annotate?.(`failed-open.mutation.webhook.admission.k8s.io/${round(attributes, index)}`, webhook);
    return false;
  }
}

export function mutatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const source = webhookSource(options.reader, "mutatingwebhookconfigurations.admissionregistration.k8s.io");

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes): Promise<void> {
    const faces = attributes.faces?.();
    if (!faces) return;
    attributes.reinvocation ??= new Reinvocation();
    const { reinvocation } = attributes;
    const state = ReinvocationState.of(reinvocation, name);
    if (reinvocation.active && state.changedSince(attributes.object)) state.requireReinvocation();
    try {
      for (const [i, hook] of hooks.entries()) {
        const face = await invocationOf(hook, attributes, faces, { ...options, type: "admit" });
        if (!face || (reinvocation.active && !state.mayRunAgain(hook.uid))) continue;
        const shown = await shownTo(face, attributes);
        const changed = await counted(hook, i, () => mutate(hook, i, face, faces.own, shown, attributes, options), attributes, options);
        if (changed) {
          state.requireReinvocation();
          reinvocation.wanted = true;
        }
        if (hook.webhook.reinvocationPolicy === "IfNeeded") state.ran(hook.uid);
      }
    } finally {
      state.left(attributes.object);
    }
  }

  return {
    name,
    mutate(attributes) {
      const hooks = source();
      if (hooks.length === 0 || isExempt(attributes)) return undefined;
      return dispatch(hooks, attributes);
    },
  };
}
