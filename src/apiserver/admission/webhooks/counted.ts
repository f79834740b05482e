/** A call of a webhook, counted, and what its failure policy makes of a failure (k8s.io/apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go). */
import { internalError } from "../../../api/status.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import type { HookType, WebhookSeries } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { CallFailure, Rejection } from "./failure.ts";
import type { Hook } from "./source.ts";

export interface CountedOptions {
  series: WebhookSeries;
  clock: Clock;
  logger: Logger;
}

/**
 * What `run` gives; undefined where the webhook failed and may: metrics and the audit annotation `failedOpen` say so. Throws
 * what refuses the request.
 */
export async function counted<T>(
  { webhook: { name, failurePolicy } }: Hook,
  type: HookType,
  failedOpen: string,
  attributes: AdmissionAttributes,
  { series, clock, logger }: CountedOptions,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const { operation } = attributes;
  const began = clock.monotonic();
  const ignores = failurePolicy === "Ignore";
  const called = (code: number, rejected: boolean): void => series.called(name, type, operation, code, rejected, (clock.monotonic() - began) / 1000);
  try {
    const result = await run();
    called(200, false);
    return result;
  } catch (error) {
    if (error instanceof Rejection) {
      series.rejected(name, type, operation, "no_error", error.status.code);
      called(error.status.code, true);
      throw error.status;
    }
    if (!(error instanceof CallFailure)) {
      series.rejected(name, type, operation, "apiserver_internal_error", 0);
      called(0, true);
      throw error;
    }
    called(error.code, !ignores);
    if (!ignores) {
      if (!error.cancelled) series.rejected(name, type, operation, "calling_webhook_error", error.code);
      logger.warn("a webhook failed, and the request with it", { webhook: name, error: error.message });
      throw internalError(error.message);
    }
    if (error.cancelled) return undefined;
    logger.warn("a webhook failed and is passed over", { webhook: name, error: error.message });
    series.failedOpen(name, type);
    attributes.annotate?.(failedOpen, name);
    return undefined;
  }
}
