/** AdmissionReviews: the question, and what makes a valid answer (k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go). */
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { encodeJSON } from "../../../api/codec/json.ts";
import { groupVersionOf, kindText } from "../../../api/group-version.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { JSONObject } from "../../../api/json.ts";
import { type TypeDef, typeOfKind } from "../../../api/schema/schema.ts";
import type { AdmissionResponse, AdmissionReview } from "../../../api/types/admission-v1.gen.ts";
import { decodeAnswer } from "../../outside/decode-answer.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import { requestValue } from "../request-value.ts";

export type ReviewVersion = "v1" | "v1beta1";
export const reviewVersionOf = (accepted: readonly string[]): ReviewVersion | undefined =>
  accepted.find((version): version is ReviewVersion => version === "v1" || version === "v1beta1");

export interface Shown {
  object: JSONObject | null;
  old: JSONObject | null;
}

export function encodeReview(version: ReviewVersion, uid: string, attributes: AdmissionAttributes, face: Face, own: Face, shown: Shown): Uint8Array {
  const { options, dryRun } = attributes;
  const request = { uid, ...requestValue(attributes, face, own), object: shown.object, oldObject: shown.old, dryRun, options: options ?? null };
  return encodeJSON({ kind: "AdmissionReview", apiVersion: `admission.k8s.io/${version}`, request });
}

/** The answer is no valid one. */
export class InvalidAnswer extends Error {}

export interface Verdict {
  allowed: boolean;
  status: AdmissionResponse["status"];
  warnings: readonly string[];
  auditAnnotations: Readonly<Record<string, string>>;
  /** JSON; "" where there is none. */
  patch: string;
  patchType: string;
}

/** Throws DecodeError for what is no review of the version that was asked with. */
function chosen(given: string, kind: string, apiVersion: string, type: TypeDef): TypeDef {
  const found = typeOfKind(given, kind);
  const registered = given.startsWith("admission.k8s.io/") || (given === "v1" && kind === "Status");
  if (!found || !registered)
    throw new DecodeError(`no kind ${goQuote(kind)} is registered for version ${goQuote(given)} in scheme "pkg/runtime/scheme.go:111"`);
  if (found !== type)
    throw new DecodeError(
      `converting (${groupVersionOf(given).version}.${kind}) to (${groupVersionOf(apiVersion).version}.AdmissionReview): unknown conversion`,
    );
  return type;
}

/** Throws UnreadableAnswer and InvalidAnswer. */
export function readReview(bytes: Uint8Array, version: ReviewVersion, uid: string, mutating: boolean): Verdict {
  const apiVersion = `admission.k8s.io/${version}`;
  const type = typeOfKind(apiVersion, "AdmissionReview") as TypeDef;
  const review = decodeAnswer<AdmissionReview>(bytes, (given, kind) => chosen(given || apiVersion, kind || "AdmissionReview", apiVersion, type));
  const { response } = review;
  if (!response) throw new InvalidAnswer("webhook response was absent");
  const { patch = "", patchType } = response;
  if (version === "v1") {
    const answered = response.uid ?? "";
    if (answered !== uid) throw new InvalidAnswer(`expected response.uid=${goQuote(uid)}, got ${goQuote(answered)}`);
    if (review.apiVersion !== apiVersion || review.kind !== "AdmissionReview")
      throw new InvalidAnswer(`expected webhook response of ${kindText(apiVersion, "AdmissionReview")}, got ${kindText(review.apiVersion, review.kind)}`);
    if (mutating) checkPatch(patch, patchType);
    else if (patch) throw new InvalidAnswer("validating webhook may not return response.patch");
    else if (patchType !== undefined) throw new InvalidAnswer("validating webhook may not return response.patchType");
  }
  return {
    allowed: response.allowed === true,
    status: response.status,
    warnings: response.warnings ?? [],
    auditAnnotations: response.auditAnnotations ?? {},
    patch: mutating ? Buffer.from(patch, "base64").toString("utf8") : "",
    patchType: version === "v1" ? (patchType ?? "") : "JSONPatch",
  };
}

function checkPatch(patch: string, type: string | undefined): void {
  if (patch && type === undefined) throw new InvalidAnswer("webhook returned response.patch but not response.patchType");
  if (!patch && type !== undefined) throw new InvalidAnswer("webhook returned response.patchType but not response.patch");
  if (type === "") throw new InvalidAnswer(`webhook returned invalid response.patchType of ""`);
}
