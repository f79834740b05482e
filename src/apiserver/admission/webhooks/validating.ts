/** ValidatingAdmissionWebhook: all webhooks at once; the first that refuses is heard (k8s.io/apiserver/pkg/admission/plugin/webhook/validating). */
import { timeout } from "../../../api/status.ts";
import type { AdmissionAttributes, AdmissionPlugin, Face, Faces } from "../admission.ts";
import { isExempt } from "../matching.ts";
import { callWebhook, type CallOptions } from "./call.ts";
import { counted, type CountedOptions } from "./counted.ts";
import { concerns, type InvocationOptions, invocationOf, shownTo } from "./invocation.ts";
import type { Shown } from "./review.ts";
import { type Hook, webhookSource } from "./source.ts";

export interface WebhookOptions extends CallOptions, CountedOptions, Omit<InvocationOptions, "type"> {}

export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const source = webhookSource(options.reader, "validatingwebhookconfigurations.admissionregistration.k8s.io");

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes, faces: Faces): Promise<void> {
    const relevant: { hook: Hook; face: Face; shown: Shown }[] = [];
    const seen = new Map<string, Shown>();
    for (const hook of hooks) {
      const face = await invocationOf(hook, attributes, faces, { ...options, type: "validating" });
      if (!face) continue;
      const key = `${face.kind.group}/${face.kind.version}/${face.kind.kind}`;
      const shown = seen.get(key) ?? (await shownTo(face, attributes));
      seen.set(key, shown);
      relevant.push({ hook, face, shown });
    }
    if (!relevant.length) return;
    if (attributes.request.signal.aborted) throw timeout("request did not complete within requested timeout");
    let first: Error | undefined;
    await Promise.all(
      relevant.map(async ({ hook, face, shown }, i) => {
        const failedOpen = `failed-open.validating.webhook.admission.k8s.io/round_0_index_${i}`;
        try {
          await counted(hook, "validating", failedOpen, attributes, options, () => callWebhook(hook, attributes, face, faces.own, shown, false, options));
        } catch (error) {
          first ??= error as Error;
        }
      }),
    );
    if (first) throw first;
  }

  return {
    name: "ValidatingAdmissionWebhook",
    validate(attributes) {
      const hooks = source();
      if (hooks.length === 0 || isExempt(attributes)) return undefined;
      const faces = attributes.faces?.();
      return faces && concerns(hooks, attributes, faces, options.reader) ? dispatch(hooks, attributes, faces) : undefined;
    },
  };
}
