/** Answers that are errors, as client-go makes errors of them (k8s.io/apimachinery/pkg/api/errors.NewGenericServerResponse). */
import { parseJSON } from "../../api/codec/json.ts";
import type { JSONValue } from "../../api/json.ts";
import { goQuote } from "../../api/go-quote.ts";
import { StatusError } from "../../api/status.ts";
import type { Status, StatusDetails } from "../../api/types/meta-v1.gen.ts";
import type { Answer } from "./post.ts";

/** What the server says itself counts only where no words are here, and it is text. */
const known: Readonly<Record<number, readonly [reason: string, message?: string]>> = {
  400: ["BadRequest", "the server rejected our request for an unknown reason"],
  401: ["Unauthorized", "the server has asked for the client to provide credentials"],
  403: ["Forbidden"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  406: ["NotAcceptable"],
  409: ["AlreadyExists", "the server reported a conflict"],
  415: ["UnsupportedMediaType"],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: ["Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request"],
};
/** Characters of what the server says itself. */
const longest = 2048;

/** As client-go makes errors of answers (k8s.io/apimachinery/pkg/api/errors.NewGenericServerResponse). Throws StatusError. */
export function refuseStatus({ status, body, contentType, retryAfter }: Answer): void {
  if (status >= 200 && status <= 206) return;
  const text = body.toString("utf8");
  const given = statusOf(text);
  if (given) throw given;
  const said = !contentType || contentType.startsWith("text/") ? text.trim().slice(0, longest) : "unknown";
  const details: StatusDetails = {
    causes: [{ reason: "UnexpectedServerResponse", message: said }],
    ...(retryAfter ? { retryAfterSeconds: retryAfter } : {}),
  };
  throw new StatusError({ code: status, ...wordsOf(status, said), details });
}

function wordsOf(status: number, said: string): { reason: string; message: string } {
  const [reason, message = said] = known[status] ?? [];
  if (reason === "NotAcceptable" && (said === "" || said === "unknown"))
    return { reason, message: "the server was unable to respond with a content type that the client supports" };
  if (reason) return { reason, message };
  if (status >= 500) return { reason: "InternalError", message: `an error on the server (${goQuote(said)}) has prevented the request from succeeding` };
  return { reason: "Unknown", message: `the server responded with the status code ${status} but did not return more information` };
}

function statusOf(text: string): StatusError | undefined {
  if (!text.startsWith("{")) return undefined;
  let value: JSONValue;
  try {
    ({ value } = parseJSON(text));
  } catch {
    // Something else than JSON that begins with a brace.
    return undefined;
  }
  const { kind, apiVersion, status, message, code } = value as Partial<Status>;
  if (kind !== "Status" || apiVersion !== "v1" || status === "Success") return undefined;
  return new StatusError({ ...(value as Partial<Status>), code: code ?? 500, message: message ?? "" });
}
