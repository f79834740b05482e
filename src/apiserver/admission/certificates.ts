/** Who may approve, sign and attest certificates, and what they may not say (plugin/pkg/admission/certificates). */
import { goQuote } from "../../api/go-quote.ts";
import { pemBlocks } from "../../api/certificates/pem.ts";
import type { UserInfo } from "../../api/exchange.ts";
import type { CertificateSigningRequest } from "../../api/types/certificates-v1.gen.ts";
import type { ClusterTrustBundle } from "../../api/types/certificates-v1beta1.gen.ts";
import { type NameAttribute, nameOids, requestSubject } from "../../api/x509/der.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { onlyGarbageCollection } from "../authorization/escalation.ts";
import { sameValue } from "../authorization/same.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";

const requests = "certificatesigningrequests.certificates.k8s.io";
const clientSigner = "kubernetes.io/kube-apiserver-client";

/** Allowed for the signer itself, or for all of its domain (`kubernetes.io/*`). */
async function mayUseSigner(authorizer: Authorizer, user: UserInfo, verb: string, signer: string): Promise<boolean> {
  for (const name of [signer, `${signer.split("/")[0]}/*`]) {
    const common = { user, verb, isResource: true, group: "certificates.k8s.io", version: "*", resource: "signers", subresource: "" };
    const { decision } = await authorizer.authorize({ ...common, namespace: "", name, path: "" });
    if (decision === "allow") return true;
  }
  return false;
}

/** Subject of the PEM request in a CertificateSigningRequest's spec.request. Throws upstream's message. */
export function subjectOfRequest(base64: string): NameAttribute[] {
  const [block] = pemBlocks(base64);
  if (block?.type !== "CERTIFICATE REQUEST") throw new Error("PEM block type must be CERTIFICATE REQUEST");
  return requestSubject(block.bytes);
}

async function checkSigner(authorizer: Authorizer, attributes: AdmissionAttributes, verb: string, doing: string, signer: string): Promise<void> {
  if (!(await mayUseSigner(authorizer, attributes.user, verb, signer)))
    throw refuse(attributes, `user not permitted to ${doing} signerName ${goQuote(signer)}`);
}

export function certificateApproval({ authorizer }: { authorizer: Authorizer }): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    validate(attributes) {
      if (attributes.operation !== "UPDATE" || attributes.subresource !== "approval" || !concerns(attributes, requests, "approval")) return;
      const signer = (attributes.old as CertificateSigningRequest).spec.signerName;
      return checkSigner(authorizer, attributes, "approve", "approve requests with", signer);
    },
  };
}

export function certificateSigning({ authorizer }: { authorizer: Authorizer }): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    validate(attributes) {
      if (attributes.operation !== "UPDATE" || attributes.subresource !== "status" || !concerns(attributes, requests, "status")) return;
      const old = attributes.old as CertificateSigningRequest;
      const { status } = attributes.object as CertificateSigningRequest;
      if (sameValue(old.status?.certificate, status?.certificate) && sameValue(old.status?.conditions, status?.conditions)) return;
      return checkSigner(authorizer, attributes, "sign", "sign requests with", old.spec.signerName);
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  validate(attributes) {
    if (attributes.operation !== "CREATE" || !concerns(attributes, requests)) return;
    const { spec } = attributes.object as CertificateSigningRequest;
    if (spec.signerName !== clientSigner) return;
    let subject: NameAttribute[];
    try {
      subject = subjectOfRequest(spec.request);
    } catch (error) {
      throw refuse(attributes, `failed to parse CSR: ${(error as Error).message}`);
    }
    if (subject.some((a) => a.oid === nameOids.organization && a.value === "system:masters"))
      throw refuse(attributes, `use of ${clientSigner} signer with system:masters group is not allowed`);
  },
};

export function clusterTrustBundleAttest({ authorizer }: { authorizer: Authorizer }): AdmissionPlugin {
  return {
    name: "ClusterTrustBundleAttest",
    validate(attributes) {
      const { operation } = attributes;
      if ((operation !== "CREATE" && operation !== "UPDATE") || !concerns(attributes, "clustertrustbundles.certificates.k8s.io")) return;
      const bundle = attributes.object as ClusterTrustBundle;
      const signer = bundle.spec.signerName;
      if (!signer || (operation === "UPDATE" && onlyGarbageCollection(bundle, attributes.old))) return;
      return checkSigner(authorizer, attributes, "attest", "attest for", signer);
    },
  };
}
