/** Certificates of servers that are called which Go refuses since it is stricter (k8s.io/apiserver/pkg/util/webhook/metrics.go, kube-aggregator/pkg/apiserver/metrics.go). */
import type { Metrics } from "../../base/metrics.ts";
import type { CertificateSeries } from "../outside/server-identity.ts";

/** `of`: webhooks or kube_aggregator. */
export function certificateSeries(metrics: Metrics, of: "webhooks" | "kube_aggregator"): CertificateSeries {
  const counter = (name: string, help: string) => metrics.counter(`apiserver_${of}_x509_${name}_total`, help).with();
  const names = counter(
    "missing_san",
    "Counts the number of requests to servers missing SAN extension in their serving certificate OR the number of connection failures due to the lack of x509 certificate SAN extension missing (either/or, based on the runtime environment)",
  );
  const signatures = counter(
    "insecure_sha1",
    "Counts the number of requests to servers with insecure SHA1 signatures in their serving certificate OR the number of connection failures due to the insecure SHA1 signatures (either/or, based on the runtime environment)",
  );
  return { missingNames: () => void names.value++, weakSignature: () => void signatures.value++ };
}
