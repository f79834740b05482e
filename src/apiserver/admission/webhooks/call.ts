/** One call of one webhook: the review goes out, its answer is checked. Failures are told as upstream tells them. */
import { badRequest, StatusError } from "../../../api/status.ts";
import type { Random } from "../../../base/random.ts";
import type { Attributes } from "../../../base/tracing/span.ts";
import { UnreadableAnswer } from "../../outside/decode-answer.ts";
import { Unreachable } from "../../outside/post.ts";
import { refuseStatus } from "../../outside/refuse-status.ts";
import { Unroutable } from "../../service-resolver.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import { Misconfigured, type WebhookClient } from "./client.ts";
import { CallFailure, dryRunUnsupported, rejectionOf } from "./failure.ts";
import { encodeReview, InvalidAnswer, readReview, reviewVersionOf, type Shown, type Verdict } from "./review.ts";
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
  const span = attributes.request.span?.child(`Call ${mutating ? "mutating" : "validating"} webhook`, { attributes: aboutCall(hook, attributes, own, uid) });
  let verdict: Verdict;
  try {
    const asker = { span, annotate: (key: string, value: string) => attributes.annotate?.(key, value) };
    const answer = await options.client.call(clientConfig, body, timeoutSeconds, attributes.request.signal, asker);
    refuseStatus(answer);
    verdict = readReview(answer.body, version, uid, mutating);
  } catch (error) {
    throw failureOf(name, error);
  } finally {
    span?.end();
  }
  for (const [key, value] of Object.entries(verdict.auditAnnotations)) attributes.annotate?.(`${name}/${key}`, value);
  for (const warning of verdict.warnings) attributes.warn(warning);
  if (!verdict.allowed) throw rejectionOf(name, verdict.status);
  return verdict;
}

function aboutCall({ configuration, webhook }: Hook, { subresource, operation }: AdmissionAttributes, { resource }: Face, uid: string): Attributes {
  const { group, version, resource: name } = resource;
  return { configuration, webhook: webhook.name, resource: `${group}/${version}, Resource=${name}`, subresource, operation, UID: uid };
}

function failureOf(name: string, error: unknown): unknown {
  if (error instanceof Misconfigured) return new CallFailure(name, `could not get REST client: ${error.message}`, 500);
  if (error instanceof Unreachable) return new CallFailure(name, `failed to call webhook: ${error.message}`, 503, error.cancelled);
  if (error instanceof Unroutable || error instanceof UnreadableAnswer) return new CallFailure(name, `failed to call webhook: ${error.message}`, 503);
  if (error instanceof StatusError) return new CallFailure(name, `failed to call webhook: ${error.message}`, error.code);
  if (error instanceof InvalidAnswer) return new CallFailure(name, `received invalid webhook response: ${error.message}`, 503);
  return error;
}
