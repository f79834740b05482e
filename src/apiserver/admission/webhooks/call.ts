/** One call of one webhook: the review goes out, its answer is checked. Failures are told as upstream tells them. */
import { parseJSON } from "../../../api/codec/json.ts";
import type { JSONValue } from "../../../api/json.ts";
import { badRequest, StatusError } from "../../../api/status.ts";
import type { Status } from "../../../api/types/meta-v1.gen.ts";
import type { Random } from "../../../base/random.ts";
import { Unroutable } from "../../service-resolver.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import { type Answer, Misconfigured, Unreachable, type WebhookClient } from "./client.ts";
import { CallFailure, dryRunUnsupported, rejectionOf } from "./failure.ts";
import { encodeReview, InvalidAnswer, readReview, reviewVersionOf, type Shown, UnreadableAnswer, type Verdict } from "./review.ts";
import type { Hook } from "./source.ts";

export interface CallOptions {
  client: Pick<WebhookClient, "call">;
  random: Random;
}

const noSideEffects = new Set(["None", "NoneOnDryRun"]);

/** Rejects with CallFailure, with Rejection, and with StatusError for what the failure policy has no say in. */
export async function callWebhook(
  hook: Hook,
  attributes: AdmissionAttributes,
  face: Face,
  own: Face,
  shown: Shown,
  mutating: boolean,
  options: CallOptions,
): Promise<Verdict> {
  const { name, sideEffects, clientConfig, timeoutSeconds = 0, admissionReviewVersions = [] } = hook.webhook;
  if (attributes.dryRun) {
    if (sideEffects === undefined) throw new CallFailure(name, "Webhook SideEffects is nil", 400);
    if (!noSideEffects.has(sideEffects)) throw dryRunUnsupported(name);
  }
  const version = reviewVersionOf(admissionReviewVersions);
  if (!version)
    throw new CallFailure(
      name,
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
      badRequest("").code,
    );
  const uid = options.random.uuid();
  const body = encodeReview(version, uid, attributes, face, own, shown);
  let verdict: Verdict;
  try {
    const answer = await options.client.call(clientConfig, body, timeoutSeconds, attributes.request.signal);
    refuseStatus(answer);
    verdict = readReview(answer.body, version, uid, mutating);
  } catch (error) {
    throw failureOf(name, error);
  }
  for (const [key, value] of Object.entries(verdict.auditAnnotations)) attributes.annotate?.(`${name}/${key}`, value);
  for (const warning of verdict.warnings) attributes.warn(warning);
  if (!verdict.allowed) throw rejectionOf(name, verdict.status);
  return verdict;
}

function failureOf(name: string, error: unknown): unknown {
  if (error instanceof Misconfigured) return new CallFailure(name, `could not get REST client: ${error.message}`, 500);
  if (error instanceof Unreachable) return new CallFailure(name, `failed to call webhook: ${error.message}`, 503, error.cancelled);
  if (error instanceof Unroutable || error instanceof UnreadableAnswer) return new CallFailure(name, `failed to call webhook: ${error.message}`, 503);
  if (error instanceof StatusError) return new CallFailure(name, `failed to call webhook: ${error.message}`, error.code);
  if (error instanceof InvalidAnswer) return new CallFailure(name, `received invalid webhook response: ${error.message}`, 503);
  return error;
}

/** What the server says itself counts only where no words are here, and it is text. */
const messages: Readonly<Record<number, string>> = {
  400: "the server rejected our request for an unknown reason",
  401: "the server has asked for the client to provide credentials",
  404: "the server could not find the requested resource",
  405: "the server does not allow this method on the requested resource",
  409: "the server reported a conflict",
  422: "the server rejected our request due to an error in our request",
  429: "the server has received too many requests and has asked us to try again later",
  503: "the server is currently unable to handle the request",
  504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};
const own = new Set([403, 406, 410, 413, 415]);
/** Characters of what the server says itself. */
const longest = 2048;

/** As client-go makes errors of answers (k8s.io/apimachinery/pkg/api/errors.NewGenericServerResponse). Throws StatusError. */
export function refuseStatus({ status, body, contentType }: Answer): void {
  if (status >= 200 && status <= 206) return;
  const text = body.toString("utf8");
  const given = statusOf(text);
  if (given) throw given;
  const said = !contentType || contentType.startsWith("text/") ? text.trim().slice(0, longest) : "";
  throw new StatusError({ code: status, message: wordsOf(status, said || "unknown") });
}

function wordsOf(status: number, said: string): string {
  const message = messages[status];
  if (message) return message;
  if (own.has(status)) return said;
  if (status >= 500) return `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
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
