/** CertificateSigningRequests (pkg/registry/certificates/certificates). */
import { X509Certificate } from "node:crypto";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { goDiff } from "../core/go-diff.ts";
import { semanticEqual } from "../core/semantic.ts";
import { validateSignerName } from "../core/signer-names.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, path, required, duplicateNamed } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { Kind } from "../kind.ts";
import { formatTime, humanDuration } from "../time.ts";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "../types/certificates-v1.gen.ts";
import { pemBlocks } from "./pem.ts";
import { requestError } from "./pkcs10.ts";

/** Any name at all: the rule for paths is the server's. */
const rules = { namespaced: false, validateName: (): string[] => [] };
const spec = path("spec");
const conditionsPath = path("status", "conditions");
const certificatePath = path("status", "certificate");
const legacySigner = "kubernetes.io/legacy-unknown";
const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

type Request = CertificateSigningRequest;
type Condition = CertificateSigningRequestCondition;
const conditionsOf = (request: Request | undefined): Condition[] => request?.status?.conditions ?? [];
const ofType = (request: Request, type: string): Condition[] => conditionsOf(request).filter((c) => c.type === type);
const has = (request: Request | undefined, type: string): boolean => conditionsOf(request).some((c) => c.type === type);
const repeats = (values: string[]): boolean => new Set(values).size < values.length;

/** Why this is no list of certificates; the empty one is fine. */
function certificateError(base64: string | undefined): string | undefined {
  if (!base64) return undefined;
  const blocks = pemBlocks(base64);
  if (!blocks.length) return "must contain at least one CERTIFICATE PEM block";
  for (const { type, headers, bytes } of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (headers) return "no PEM block headers are permitted";
    if (bytes.length === 0) return "found CERTIFICATE PEM block containing 0 certificates";
    try {
      new X509Certificate(bytes);
    } catch {
      return "x509: malformed certificate";
    }
  }
  return undefined;
}

function validateUsages(given: string[] | undefined, old: Request | undefined): FieldError[] {
  const at = spec.child("usages");
  const before = old?.spec.usages ?? [];
  const errors: FieldError[] = given?.length ? [] : [required(at)];
  const list = given ?? [];
  if (before.every((usage) => usages.includes(usage)))
    for (const [i, usage] of list.entries()) if (!usages.includes(usage)) errors.push(notSupported(at.index(i), usage, usages));
  if (!repeats(before)) for (const [i, usage] of list.entries()) if (list.indexOf(usage) < i) errors.push(duplicateNamed(at.index(i), usage));
  return errors;
}

function validateConditions(request: Request, old: Request | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const before = conditionsOf(old);
  const allowBoth = has(old, "Approved") && has(old, "Denied");
  const seen = new Set<string>();
  for (const [i, { type = "", status = "" }] of conditionsOf(request).entries()) {
    const at = conditionsPath.index(i);
    if (!type && !before.some((c) => !c.type)) errors.push(required(at.child("type")));
    const statuses = ["Approved", "Denied", "Failed"].includes(type) ? ["True"] : ["False", "True", "Unknown"];
    if (!status) errors.push(required(at.child("status")));
    else if (!statuses.includes(status)) errors.push(notSupported(at.child("status"), status, statuses));
    const other = type === "Approved" ? "Denied" : type === "Denied" ? "Approved" : undefined;
    if (!allowBoth && other && seen.has(other)) errors.push(invalidValue(conditionsPath, type, "Approved and Denied conditions are mutually exclusive"));
    if (seen.has(type) && !repeats(before.map((c) => c.type))) errors.push(duplicateNamed(at.child("type"), type));
    seen.add(type);
  }
  return errors;
}

function validate(request: Request, old?: Request): FieldError[] {
  const { signerName = "", expirationSeconds: seconds } = request.spec;
  const errors = validateMetadata(request.metadata, rules);
  const why = requestError(request.spec.request ?? "");
  if (why !== undefined) errors.push(invalidValue(spec.child("request"), request.spec.request ?? null, why));
  errors.push(...validateUsages(request.spec.usages, old));
  const signer = spec.child("signerName");
  if (signerName === legacySigner && old?.spec.signerName !== legacySigner)
    errors.push(invalidValue(signer, signerName, "the legacy signerName is not allowed via this API version"));
  else errors.push(...validateSignerName(signerName, signer));
  if (seconds !== undefined && seconds < 600)
    errors.push(invalidValue(spec.child("expirationSeconds"), seconds, "may not specify a duration less than 600 seconds (10 minutes)"));
  errors.push(...validateConditions(request, old));
  const { certificate } = request.status ?? {};
  const before = old?.status?.certificate;
  const tolerated = old !== undefined && ((certificate ?? "") === (before ?? "") || certificateError(before) !== undefined);
  const bad = tolerated ? undefined : certificateError(certificate);
  if (bad !== undefined) errors.push(invalidValue(certificatePath, "<certificate data>", bad));
  return errors;
}

/** The form of upstream's internal type. */
const shownCondition = (c: Condition): object => ({
  Type: c.type,
  Status: c.status,
  Reason: c.reason ?? "",
  Message: c.message ?? "",
  LastUpdateTime: c.lastUpdateTime ?? null,
  LastTransitionTime: c.lastTransitionTime ?? null,
});

function validateDecision(request: Request, old: Request): FieldError[] {
  return ["Approved", "Denied"].flatMap((type) => {
    const [was, now] = [ofType(old, type), ofType(request, type)];
    if (now.length > was.length) return [forbiddenField(conditionsPath, `updates may not add a condition of type ${goQuote(type)}`)];
    if (now.length < was.length || semanticEqual(was, now)) return [];
    const difference = goDiff(was.map(shownCondition), now.map(shownCondition));
    return [forbiddenField(conditionsPath, `updates may not modify a condition of type ${goQuote(type)}\n${difference}`)];
  });
}

/** `way`: what comes in by the subresource of that name may decide, or may bring the certificate. */
function validateUpdate(request: Request, old: Request, way: "" | "status" | "approval"): FieldError[] {
  const errors = validate(request, old);
  for (const type of ["Approved", "Denied", "Failed"]) {
    if (ofType(request, type).length < ofType(old, type).length)
      errors.push(forbiddenField(conditionsPath, `updates may not remove a condition of type ${goQuote(type)}`));
  }
  if (way !== "approval") errors.push(...validateDecision(request, old));
  const [now, was] = [request.status?.certificate ?? "", old.status?.certificate ?? ""];
  if (now !== was && way !== "status") errors.push(forbiddenField(certificatePath, "updates may not set certificate content"));
  else if (now !== was && was) errors.push(forbiddenField(certificatePath, "updates may not modify existing certificate content"));
  return [...errors, ...validateMetadataUpdate(request.metadata, old.metadata)];
}

function setTimes(request: Request, old: Request, now: number): void {
  for (const condition of conditionsOf(request)) {
    condition.lastUpdateTime ||= formatTime(now);
    const same = conditionsOf(old).find((c) => c.type === condition.type && c.status === condition.status && c.lastTransitionTime);
    condition.lastTransitionTime ||= same?.lastTransitionTime ?? formatTime(now);
  }
}

/** Decisions are not the signer's to change: they stay as they were, where it names as many. */
function keepDecisions(request: Request, old: Request): void {
  for (const type of ["Approved", "Denied"]) {
    const was = ofType(old, type);
    if (!request.status?.conditions || was.length !== ofType(request, type).length) continue;
    let next = 0;
    request.status.conditions = request.status.conditions.map((c) => (c.type === type ? ({ ...was[next++] } as Condition) : c));
  }
}

function stateOf(request: Request): string {
  const decision = has(request, "Denied") ? "Denied" : has(request, "Approved") ? "Approved" : "Pending";
  return `${decision}${has(request, "Failed") ? ",Failed" : ""}${request.status?.certificate ? ",Issued" : ""}`;
}

/** Whose request it is the server writes, not the client: see the registry. */
export const certificateSigningRequestKind: Kind<Request> = {
  resource: "certificatesigningrequests.certificates.k8s.io",
  setDefaults(request) {
    request.spec ??= {} as Request["spec"];
    request.status ??= {};
  },
  prepareForCreate(request) {
    request.status = {};
  },
  validate: (request) => validate(request),
  prepareForUpdate(request, old) {
    request.spec = old.spec;
    request.status = old.status;
  },
  validateUpdate: (request, old) => validateUpdate(request, old, ""),
  subresources: {
    status: {
      prepareForUpdate(request, old, now = 0) {
        request.spec = old.spec;
        keepDecisions(request, old);
        setTimes(request, old, now);
      },
      validateUpdate: (request, old) => validateUpdate(request, old, "status"),
    },
    approval: {
      prepareForUpdate(request, old, now = 0) {
        setTimes(request, old, now);
        request.spec = old.spec;
        request.status = { ...old.status, conditions: request.status?.conditions };
      },
      validateUpdate: (request, old) => validateUpdate(request, old, "approval"),
    },
  },
  fields: (request) => ({ "spec.signerName": request.spec.signerName ?? "" }),
  cells: (request, now) => [
    request.metadata.name,
    age(request, now),
    request.spec.signerName || "<none>",
    request.spec.username ?? "",
    request.spec.expirationSeconds === undefined ? "<none>" : humanDuration(request.spec.expirationSeconds * 1000),
    stateOf(request),
  ],
};
