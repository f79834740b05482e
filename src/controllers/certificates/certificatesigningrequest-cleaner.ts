/** Deletes certificate requests that nobody will ask about any more (pkg/controller/certificates/cleaner). */
import { X509Certificate } from "node:crypto";
import { isNotFound } from "../../api/status.ts";
import { parseTime } from "../../api/time.ts";
import type { CertificateSigningRequest } from "../../api/types/certificates-v1.gen.ts";
import { certificatesigningrequests } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";

const hour = 3600_000;
const pollingInterval = hour;
const decidedLife = hour;
const waitingLife = 24 * hour;

/** Pure; `now` in milliseconds. */
export function isPast({ metadata, status }: CertificateSigningRequest, now: number): boolean {
  const olderThan = (time: string | undefined, life: number): boolean => time !== undefined && now - parseTime(time) > life;
  const conditions = status?.conditions ?? [];
  if (!conditions.length) return olderThan(metadata.creationTimestamp, waitingLife);
  const issued = Boolean(status?.certificate);
  return conditions.some(({ type, lastUpdateTime }) => {
    if (type === "Denied" || type === "Failed") return olderThan(lastUpdateTime, decidedLife);
    if (type !== "Approved") return false;
    return olderThan(lastUpdateTime, issued ? decidedLife : waitingLife) || (issued && isExpired(status?.certificate as string, now));
  });
}

function isExpired(base64: string, now: number): boolean {
  try {
    return now > new X509Certificate(Buffer.from(base64, "base64")).validToDate.getTime();
  } catch {
    // Whoever signed it wrote what is no certificate: it goes by its age.
    return false;
  }
}

export const certificateSigningRequestCleaner: Controller = {
  name: "certificatesigningrequest-cleaner-controller",
  account: "certificate-controller",
  workers: 1,
  start({ client, clock, informers, enqueue, signal }) {
    const requests = informers.informer(certificatesigningrequests);
    requests.onChange((_, request) => {
      if (request) enqueue(request.metadata.name);
    });
    return async (name) => {
      const request = requests.get("", name);
      if (!request) return;
      if (!isPast(request, clock.now())) return { requeueAfter: pollingInterval };
      await client
        .resource(certificatesigningrequests)
        .delete("", name, { signal })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    };
  },
};
