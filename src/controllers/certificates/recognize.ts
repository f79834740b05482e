/** Which requests the cluster's own signers accept (pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer). Pure. */
import type { RequestNames } from "../../api/certificates/request-names.ts";

export const signers = {
  client: "kubernetes.io/kube-apiserver-client",
  kubeletClient: "kubernetes.io/kube-apiserver-client-kubelet",
  kubeletServing: "kubernetes.io/kubelet-serving",
  legacyUnknown: "kubernetes.io/legacy-unknown",
} as const;

const sameUsages = (given: readonly string[], wanted: readonly string[]): boolean => {
  const set = new Set(given);
  return set.size === wanted.length && wanted.every((usage) => set.has(usage));
};
const usageError = (given: readonly string[], kind: string): string | undefined =>
  sameUsages(given, ["digital signature", kind]) || sameUsages(given, ["digital signature", "key encipherment", kind])
    ? undefined
    : `usages did not match [${[kind, "digital signature", "key encipherment"].sort().join(" ")}]`;

const nodeName = (names: RequestNames): string | undefined =>
  names.commonName.startsWith("system:node:") ? undefined : "subject common name does not begin with system:node:";
const nodesOnly = ({ organizations }: RequestNames): string | undefined =>
  organizations.length === 1 && organizations[0] === "system:nodes" ? undefined : "subject organization is not system:nodes";

/** Why this is no certificate by which a kubelet reaches the API server. */
export function kubeletClientError(names: RequestNames, usages: readonly string[]): string | undefined {
  const organization = nodesOnly(names);
  if (organization) return organization;
  if (names.dns.length) return "DNS subjectAltNames are not allowed";
  if (names.emails.length) return "Email subjectAltNames are not allowed";
  if (names.ips.length) return "IP subjectAltNames are not allowed";
  if (names.uris.length) return "URI subjectAltNames are not allowed";
  return nodeName(names) ?? usageError(usages, "client auth");
}

function kubeletServingError(names: RequestNames, usages: readonly string[]): string | undefined {
  const organization = nodesOnly(names);
  if (organization) return organization;
  if (!names.dns.length && !names.ips.length) return "DNS or IP subjectAltName is required";
  if (names.emails.length) return "Email subjectAltNames are not allowed";
  if (names.uris.length) return "URI subjectAltNames are not allowed";
  return usageError(usages, "server auth") ?? nodeName(names);
}

function clientError(usages: readonly string[]): string | undefined {
  const bad = usages.find((usage) => !["client auth", "digital signature", "key encipherment"].includes(usage));
  if (bad !== undefined) return `invalid usage for client certificate: ${bad}`;
  return usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth";
}

/** Whether one of the cluster's signers issues it, and if so, what is wrong with the request. */
export function judge(signerName: string, names: RequestNames, usages: readonly string[]): { ours: boolean; error?: string } {
  const found = (error: string | undefined) => (error === undefined ? { ours: true } : { ours: true, error });
  if (signerName === signers.kubeletServing) return found(kubeletServingError(names, usages));
  if (signerName === signers.kubeletClient) return found(kubeletClientError(names, usages));
  if (signerName === signers.client) return found(clientError(usages));
  return { ours: signerName === signers.legacyUnknown };
}
