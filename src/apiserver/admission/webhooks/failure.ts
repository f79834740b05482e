/** How calls of webhooks fail and how webhooks refuse (k8s.io/apiserver/pkg/admission/plugin/webhook/errors, .../util/webhook/error.go). */
import { goQuote } from "../../../api/go-quote.ts";
import { badRequest, StatusError } from "../../../api/status.ts";
import type { Status } from "../../../api/types/meta-v1.gen.ts";

/** The webhook gave no valid answer: the failure policy decides. */
export class CallFailure extends Error {
  /** HTTP status for metrics. */
  readonly code: number;
  /** Nobody waits any more. */
  readonly cancelled: boolean;
  constructor(webhook: string, reason: string, code: number, cancelled = false) {
    super(`failed calling webhook ${goQuote(webhook)}: ${reason}`);
    this.code = code;
    this.cancelled = cancelled;
  }
}

/** The webhook has refused the request. */
export class Rejection extends Error {
  readonly status: StatusError;
  constructor(status: StatusError) {
    super(status.message);
    this.status = status;
  }
}

const largestCode = 599;

export function rejectionOf(webhook: string, result: Partial<Status> = {}): Rejection {
  const deniedBy = `admission webhook ${goQuote(webhook)} denied the request`;
  const { message, reason, details, metadata } = result;
  const code = Math.min(Math.max(result.code ?? 0, 400), largestCode);
  const text = message ? `${deniedBy}: ${message}` : reason ? `${deniedBy}: ${reason}` : `${deniedBy} without explanation`;
  const status = !result.status || result.status === "Success" ? "Failure" : result.status;
  return new Rejection(
    new StatusError({ metadata: metadata ?? {}, status, message: text, ...(reason ? { reason } : {}), ...(details ? { details } : {}), code }),
  );
}

export const dryRunUnsupported = (webhook: string): StatusError => badRequest(`admission webhook ${goQuote(webhook)} does not support dry run`);
