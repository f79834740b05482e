/** Approves what kubelets ask for to reach the API server with, where the asker may (pkg/controller/certificates/approver). */
import { requestNames } from "../../api/certificates/request-names.ts";
import type { SubjectAccessReview } from "../../api/types/authorization-v1.gen.ts";
import type { CertificateSigningRequest } from "../../api/types/certificates-v1.gen.ts";
import { certificatesigningrequests, subjectaccessreviews } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { kubeletClientError, signers } from "./recognize.ts";

/** The permissions that suffice, in the order in which they are asked about, and what approving by them says. */
export function permissionsFor({ spec }: CertificateSigningRequest): { subresource: string; message: string }[] {
  if (spec.signerName !== signers.kubeletClient) return [];
  const names = requestNames(spec.request);
  if (kubeletClientError(names, spec.usages ?? []) !== undefined) return [];
  const any = { subresource: "nodeclient", message: "Auto approving kubelet client certificate after SubjectAccessReview." };
  const own = { subresource: "selfnodeclient", message: "Auto approving self kubelet client certificate after SubjectAccessReview." };
  return spec.username === names.commonName ? [own, any] : [any];
}

export const isDecided = ({ status }: CertificateSigningRequest): boolean =>
  status?.conditions?.some(({ type }) => type === "Approved" || type === "Denied") === true;

export const certificateSigningRequestApproving: Controller = {
  name: "certificatesigningrequest-approving-controller",
  account: "certificate-controller",
  start({ client, informers, enqueue, signal, logger }) {
    const requests = informers.informer(certificatesigningrequests);
    requests.onChange((_, request) => {
      if (request) enqueue(request.metadata.name);
    });
    const mayDo = async ({ spec }: CertificateSigningRequest, subresource: string): Promise<boolean> => {
      const review = {
        spec: {
          user: spec.username ?? "",
          uid: spec.uid ?? "",
          groups: spec.groups ?? [],
          ...(spec.extra ? { extra: spec.extra } : {}),
          resourceAttributes: { group: "certificates.k8s.io", resource: "certificatesigningrequests", verb: "create", subresource, version: "*" },
        },
      };
      const answer = await client.resource(subjectaccessreviews).create("", review as unknown as SubjectAccessReview, { signal });
      return answer.status?.allowed === true;
    };
    return async (name) => {
      const request = requests.get("", name);
      if (!request || request.status?.certificate || isDecided(request)) return;
      const permissions = permissionsFor(request);
      for (const { subresource, message } of permissions) {
        if (!(await mayDo(request, subresource))) continue;
        const approved = { type: "Approved", status: "True", reason: "AutoApproved", message };
        const decided = { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] } };
        await client.resource(certificatesigningrequests).subresource("PUT", "", name, "approval", decided, signal);
        return;
      }
      if (!permissions.length) return;
      logger.debug("recognized, but its owner may not have it", { request: name, permissions: permissions.map((p) => p.subresource) });
      return { retry: true };
    };
  },
};
