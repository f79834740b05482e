/**
 * MutatingAdmissionWebhook: one webhook after the other, each is shown what those before it made of the object; those that
 * wish it are called once more when the object changed after them (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating).
 */
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { encodeJSON, encodeJSONString, parseJSON } from "../../../api/codec/json.ts";
import { semanticEqual } from "../../../api/core/semantic.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { JSONObject, JSONValue } from "../../../api/json.ts";
import { JSONPatchError, patchJSON, undecodablePatch } from "../../../api/patch/json-patch.ts";
import { internalError, timeout } from "../../../api/status.ts";
import { type AdmissionAttributes, type AdmissionPlugin, type Face, type Faces, Reinvocation } from "../admission.ts";
import { isExempt } from "../matching.ts";
import { ReinvocationState } from "../reinvocation-state.ts";
import { callWebhook } from "./call.ts";
import { counted } from "./counted.ts";
import { CallFailure } from "./failure.ts";
import { concerns, invocationOf, shownTo } from "./invocation.ts";
import type { Shown, Verdict } from "./review.ts";
import { type Hook, webhookSource } from "./source.ts";
import type { WebhookOptions } from "./validating.ts";

const name = "MutatingAdmissionWebhook";
const round = (attributes: AdmissionAttributes, index: number): string => `round_${attributes.reinvocation?.active ? 1 : 0}_index_${index}`;

interface Patch {
  operations: JSONValue[];
  text: Uint8Array;
}

/** What an answer has of a patch; undefined where it has none. Throws CallFailure. */
function patchOf(webhook: string, { patch, patchType }: Verdict): Patch | undefined {
  if (!patch) return undefined;
  const undecodable = (why: string): CallFailure => new CallFailure(webhook, `received undecodable patch in webhook response: ${why}`, 503);
  const text = Buffer.from(patch);
  let operations: JSONValue;
  try {
    operations = parseJSON(text).value;
  } catch (error) {
    if (error instanceof DecodeError) throw undecodable(error.message);
    throw error;
  }
  const mistake = undecodablePatch(text);
  if (mistake !== undefined) throw undecodable(mistake);
  if (!Array.isArray(operations) || !operations.length) return undefined;
  if (patchType !== "JSONPatch") throw new CallFailure(webhook, `unsupported patch type ${goQuote(patchType)}`, 400);
  return { operations, text };
}

function patched(shown: JSONObject, { text }: Patch): JSONObject {
  try {
    return parseJSON(patchJSON(encodeJSON(shown), text)).value as JSONObject;
  } catch (error) {
    if (error instanceof JSONPatchError) throw internalError(error.message);
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

export function mutatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const source = webhookSource(options.reader, "mutatingwebhookconfigurations.admissionregistration.k8s.io");

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes, faces: Faces): Promise<void> {
    attributes.reinvocation ??= new Reinvocation();
    const { reinvocation } = attributes;
    const state = ReinvocationState.of(reinvocation, name);
    if (reinvocation.active && state.changedSince(attributes.object)) state.requireReinvocation();
    try {
      for (const [i, hook] of hooks.entries()) {
        const face = await invocationOf(hook, attributes, faces, { ...options, type: "admit" });
        if (!face || (reinvocation.active && !state.mayRunAgain(hook.uid))) continue;
        const shown = await shownTo(face, attributes);
        const failedOpen = `failed-open.mutation.webhook.admission.k8s.io/${round(attributes, i)}`;
        const changed = await counted(hook, "admit", failedOpen, attributes, options, () => mutate(hook, i, face, faces.own, shown, attributes, options));
        if (changed === undefined && attributes.request.signal.aborted) throw timeout("request did not complete within requested timeout");
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
      const faces = attributes.faces?.();
      if (!faces) return undefined;
      // The second time goes by what the first one left.
      return attributes.reinvocation?.active || concerns(hooks, attributes, faces, options.reader) ? dispatch(hooks, attributes, faces) : undefined;
    },
  };
}
