/** Issues what has been approved for the cluster's own signers (pkg/controller/certificates/signer). */
import { requestNames } from "../../api/certificates/request-names.ts";
import { isConditionTrue } from "../../api/meta/conditions.ts";
import { formatTime } from "../../api/time.ts";
import { certificatesigningrequests } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { judge } from "./recognize.ts";

const yearSeconds = 365 * 24 * 3600;
const shortestSeconds = 600;

/** Seconds for which a certificate is issued: what was asked for, from ten minutes up to the cluster's own limit. */
export const lifetimeSeconds = (asked: number | undefined, limit: number): number =>
  asked === undefined || asked > limit ? limit : Math.max(asked, shortestSeconds);

export const certificateSigningRequestSigning: Controller = {
  name: "certificatesigningrequest-signing-controller",
  account: "certificate-controller",
  start({ client, clock, informers, enqueue, options, signal }) {
    const requests = informers.informer(certificatesigningrequests);
    requests.onChange((_, request) => {
      if (request) enqueue(request.metadata.name);
    });
    const api = client.resource(certificatesigningrequests);
    const { signRequest, clusterSigningDuration = yearSeconds * 1000 } = options;
    return async (name) => {
      const request = requests.get("", name);
      if (!request || !signRequest || request.status?.certificate) return;
      const { conditions = [] } = request.status ?? {};
      const decided = (type: string): boolean => conditions.some((condition) => condition.type === type);
      if (!decided("Approved") || decided("Denied") || isConditionTrue(conditions, "Failed")) return;
      const { signerName, usages = [], expirationSeconds } = request.spec;
      const { ours, error } = judge(signerName, requestNames(request.spec.request), usages);
      if (!ours) return;
      if (error !== undefined) {
        const failed = { type: "Failed", status: "True", reason: "SignerValidationFailure", message: error, lastUpdateTime: formatTime(clock.now()) };
        await api.updateStatus({ ...request, status: { ...request.status, conditions: [...conditions, failed] } }, { signal });
        return;
      }
      const seconds = lifetimeSeconds(expirationSeconds, clusterSigningDuration / 1000);
      const pem = await signRequest({ signerName, request: Buffer.from(request.spec.request, "base64").toString("latin1"), usages, seconds });
      if (pem === undefined) return;
      const certificate = Buffer.from(pem).toString("base64");
      await api.updateStatus({ ...request, status: { ...request.status, certificate } }, { signal });
    };
  },
};
