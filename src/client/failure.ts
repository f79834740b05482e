/** What a transport throws for an answer that is not 2xx. */
import { StatusError } from "../api/status.ts";
import type { Status } from "../api/types/meta-v1.gen.ts";

const isStatus = (object: unknown): object is Status => (object as Status | undefined)?.kind === "Status";

/** `object` is the decoded answer when it was JSON; otherwise `text` explains, as client-go's "unknown" errors do. */
export function failureOf(status: number, object: unknown, text = ""): StatusError {
  if (isStatus(object) && object.status !== "Success") return new StatusError({ ...object, code: object.code ?? status, message: object.message ?? "" });
  const body = text.slice(0, 2048).trim();
  const reason = reasons[status] ?? (status >= 500 ? "InternalError" : "Unknown");
  return new StatusError({
    code: status,
    reason,
    message: body || `the server responded with the status code ${status} but did not return more information`,
  });
}

const reasons: Record<number, string> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** The event of a watch that ends it with an error. */
export const failureOfEvent = (object: unknown): StatusError => failureOf((object as Status | undefined)?.code ?? 500, object, JSON.stringify(object));

/** Milliseconds for which the server asks to wait before the next attempt (Retry-After), also where its answer is the cause. */
export function retryAfterOf(error: unknown): number | undefined {
  const answer = error instanceof Error && !(error instanceof StatusError) ? error.cause : error;
  const seconds = answer instanceof StatusError ? answer.status.details?.retryAfterSeconds : undefined;
  return seconds ? seconds * 1000 : undefined;
}
