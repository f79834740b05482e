/**
 * Errors of the API: a Kubernetes Status (k8s.io/apimachinery/pkg/api/errors) as something that can be thrown.
 * Reasons, codes and message texts are upstream's.
 */
import type { FieldError } from "./field.ts";
import { goQuote } from "./go-quote.ts";
import type { Status, StatusCause, StatusDetails } from "./types/meta-v1.gen.ts";

export class StatusError extends Error {
  readonly status: Status;
  constructor(status: Partial<Status> & { code: number; message: string }) {
    super(status.message);
    this.name = "StatusError";
    // In the order in which Go writes them.
    const { message, reason, details, code, ...rest } = status;
    const why = { message, ...(reason === undefined ? {} : { reason }), ...(details ? { details } : {}) };
    this.status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", ...rest, ...why, code } as Status;
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? "";
  }
}

/** A resource as error messages name it: `deployments.apps`, `pods`. */
export const groupResource = (group: string, resource: string): string => (group ? `${resource}.${group}` : resource);

/** Where a kind has dots of its own. */
export interface GroupKind {
  group: string;
  kind: string;
}

const make = (code: number, reason: string, message: string, details?: StatusDetails): StatusError =>
  new StatusError({ code, reason, message, ...(details ? { details } : {}) });
const split = (resource: string): { group?: string; kind?: string } => {
  const dot = resource.indexOf(".");
  if (dot === 0) return { group: resource.slice(1) };
  return dot < 0 ? { kind: resource } : { kind: resource.slice(0, dot), group: resource.slice(dot + 1) };
};

/** `resource` is a groupResource in all of these, `name` may be empty. */
export const notFound = (resource: string, name: string): StatusError =>
  make(404, "NotFound", `${resource} ${goQuote(name)} not found`, { name, ...split(resource) });
export const alreadyExists = (resource: string, name: string): StatusError =>
  make(409, "AlreadyExists", `${resource} ${goQuote(name)} already exists`, { name, ...split(resource) });
export const conflict = (resource: string, name: string, why: string): StatusError =>
  make(409, "Conflict", `Operation cannot be fulfilled on ${resource} ${goQuote(name)}: ${why}`, { name, ...split(resource) });
export const forbidden = (resource: string, name: string, why: string): StatusError => {
  const what = !resource ? "forbidden" : name ? `${resource} ${goQuote(name)} is forbidden` : `${resource} is forbidden`;
  return make(403, "Forbidden", why ? `${what}: ${why}` : what, { ...(name ? { name } : {}), ...split(resource) });
};
export const badRequest = (message: string): StatusError => make(400, "BadRequest", message);
export const unauthorized = (message = "Unauthorized"): StatusError => make(401, "Unauthorized", message);
export const expired = (message: string): StatusError => make(410, "Expired", message);
export const methodNotSupported = (resource: string, action: string): StatusError =>
  make(405, "MethodNotAllowed", `${action} is not supported on resources of kind ${goQuote(resource)}`, split(resource));
export const unsupportedMediaType = (message: string): StatusError => make(415, "UnsupportedMediaType", message, {});
export const notAcceptable = (message: string): StatusError => make(406, "NotAcceptable", message, {});
export const requestEntityTooLarge = (message: string): StatusError => make(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError => make(429, "TooManyRequests", message, { retryAfterSeconds });
export const internalError = (why: string): StatusError =>
  make(500, "InternalError", `Internal error occurred: ${why}`, { causes: [{ message: why } as StatusCause] });
export const serviceUnavailable = (why: string): StatusError => make(503, "ServiceUnavailable", why);
export const timeout = (message: string, retryAfterSeconds = 0): StatusError =>
  make(504, "Timeout", `Timeout: ${message}`, retryAfterSeconds ? { retryAfterSeconds } : undefined);

/** Of one object; upstream tells all, however many hundred thousand there are. */
export const mostErrors = 10_000;
/** Characters of what is told, or one error, however long that is: a value that is wrong ten thousand times is shown as often. */
export const mostText = 2 << 20;

function told(all: readonly FieldError[]): readonly FieldError[] {
  let length = 0;
  for (let i = 0; i < all.length; i++) {
    const { field, body } = all[i] as FieldError;
    length += field.length + body.length;
    if (i === mostErrors || (i > 0 && length > mostText)) return all.slice(0, i);
  }
  return all;
}

/** `kind` is a GroupKind: `Deployment.apps`, `Pod`. */
export const invalid = (what: string | GroupKind, name: string, all: readonly FieldError[]): StatusError => {
  const { kind, details } = typeof what === "string" ? { kind: what, details: split(what) } : { kind: groupResource(what.group, what.kind), details: what };
  const errors = told(all);
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.body}`))];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return make(422, "Invalid", `${kind} ${goQuote(name)} is invalid: ${text}`, {
    ...(name ? { name } : {}),
    ...(kind ? details : {}),
    causes: errors.map((e) => ({ reason: e.type, message: e.body, field: e.field }) as StatusCause),
  });
};

export const isNotFound = (error: unknown): boolean => error instanceof StatusError && error.reason === "NotFound";
export const isConflict = (error: unknown): boolean => error instanceof StatusError && error.reason === "Conflict";
export const isAlreadyExists = (error: unknown): boolean => error instanceof StatusError && error.reason === "AlreadyExists";
/** The watch or list position is too old: list again. */
export const isExpired = (error: unknown): boolean => error instanceof StatusError && error.code === 410;
