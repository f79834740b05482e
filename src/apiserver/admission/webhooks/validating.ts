/** ValidatingAdmissionWebhook: all webhooks at once; the first that refuses is heard (k8s.io/apiserver/pkg/admission/plugin/webhook/validating). */
import { internalError, timeout } from "../../../api/status.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import type { WebhookSeries } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes, AdmissionPlugin, Face } from "../admission.ts";
import { isExempt } from "../matching.ts";
import { callWebhook, type CallOptions } from "./call.ts";
import { CallFailure, Rejection } from "./failure.ts";
import { type InvocationOptions, invocationOf, shownTo } from "./invocation.ts";
import type { Shown } from "./review.ts";
import { type Hook, webhookSource } from "./source.ts";

export interface WebhookOptions extends CallOptions, Omit<InvocationOptions, "type"> {
  series: WebhookSeries;
  clock: Clock;
  logger: Logger;
}

const tooLate = "request did not complete within requested timeout";

/** The refusal, or undefined where the webhook is content or may fail. */
async function judge(
  hook: Hook,
  index: number,
  face: Face,
  own: Face,
  shown: Shown,
  attributes: AdmissionAttributes,
  options: WebhookOptions,
): Promise<Error | undefined> {
  const { series, clock, logger } = options;
  const { name, failurePolicy } = hook.webhook;
  const { operation } = attributes;
  const began = clock.monotonic();
  const ignores = failurePolicy === "Ignore";
  const called = (code: number, rejected: boolean): void => series.called(name, "validating", operation, code, rejected, (clock.monotonic() - began) / 1000);
  try {
    await callWebhook(hook, attributes, face, own, shown, false, options);
    called(200, false);
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) {
      series.rejected(name, "validating", operation, "no_error", error.status.code);
      called(error.status.code, true);
      return error.status;
    }
    if (!(error instanceof CallFailure)) {
      series.rejected(name, "validating", operation, "apiserver_internal_error", 0);
      called(0, true);
      return error as Error;
    }
    if (!ignores && !error.cancelled) series.rejected(name, "validating", operation, "calling_webhook_error", error.code);
    called(error.code, !ignores);
    if (!ignores) {
      logger.warn("a webhook failed, and the request with it", { webhook: name, error: error.message });
      return internalError(error.message);
    }
    if (error.cancelled) return undefined;
    logger.warn("a webhook failed and is passed over", { webhook: name, error: error.message });
    series.failedOpen(name, "validating");
    attributes.annotate?.(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, name);
    return undefined;
  }
}

export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const source = webhookSource(options.reader, "validatingwebhookconfigurations.admissionregistration.k8s.io");

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes): Promise<void> {
    const faces = attributes.faces?.();
    if (!faces) return;
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
    if (attributes.request.signal.aborted) throw timeout(tooLate);
    let first: Error | undefined;
    await Promise.all(
      relevant.map(async ({ hook, face, shown }, i) => {
        const refusal = await judge(hook, i, face, faces.own, shown, attributes, options);
        first ??= refusal;
      }),
    );
    if (first) throw first;
  }

  return {
    name: "ValidatingAdmissionWebhook",
    validate(attributes) {
      const hooks = source();
      if (hooks.length === 0 || isExempt(attributes)) return undefined;
      return dispatch(hooks, attributes);
    },
  };
}
