/** Everybody in the cluster who has a certificate, and their kubeconfigs. */
import { mkdirSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { writeFileAtomic } from "./files.ts";
import { kubeconfigPath, type Paths } from "./paths.ts";
import { type CertificateSpec, PKI } from "./pki.ts";
import { apiServiceAddress, nodeAddress, type Settings } from "./settings.ts";

/** Users who reach the API server with a client certificate. system:masters is the administrator's alone. */
const users = (settings: Settings): Record<string, { commonName: string; organizations?: string[] }> => ({
  admin: { commonName: "kubernetes-admin", organizations: ["system:masters"] },
  scheduler: { commonName: "system:kube-scheduler" },
  "controller-manager": { commonName: "system:kube-controller-manager" },
  kubelet: { commonName: `system:node:${settings.nodeName}`, organizations: ["system:nodes"] },
  proxy: { commonName: "system:kube-proxy" },
  dns: { commonName: "system:k8ts:dns" },
  "local-path": { commonName: "system:k8ts:local-path" },
  metrics: { commonName: "system:k8ts:metrics" },
});

/** Makes what is missing; gives the PKI. `addresses` are further names or addresses under which the API server is reached. */
export async function ensureIdentities(settings: Settings, paths: Paths, clock: Clock): Promise<PKI> {
  const pki = new PKI(paths.pki, clock);
  await pki.ensureCA("ca", "kubernetes");
  await pki.ensureCA("front-proxy-ca", "front-proxy-ca");
  await pki.ensureServiceAccountKeys();
  const node = nodeAddress(settings);
  const { clusterDomain } = settings;
  const specs: CertificateSpec[] = [
    {
      file: "apiserver",
      commonName: "kube-apiserver",
      ca: "ca",
      usages: ["server"],
      dns: ["kubernetes", "kubernetes.default", "kubernetes.default.svc", `kubernetes.default.svc.${clusterDomain}`, "localhost", settings.nodeName],
      ip: ["127.0.0.1", node, apiServiceAddress(settings)],
    },
    { file: "apiserver-kubelet-client", commonName: "kube-apiserver-kubelet-client", ca: "ca", usages: ["client"] },
    { file: "front-proxy-client", commonName: "front-proxy-client", ca: "front-proxy-ca", usages: ["client"] },
    {
      file: "kubelet-serving",
      commonName: `system:node:${settings.nodeName}`,
      organizations: ["system:nodes"],
      ca: "ca",
      usages: ["server"],
      dns: [settings.nodeName],
      ip: [node, "127.0.0.1"],
    },
    { file: "metrics-server", commonName: "metrics-server", ca: "ca", usages: ["server"], dns: ["metrics-server.kube-system.svc"] },
    ...Object.entries(users(settings)).map(([file, user]): CertificateSpec => ({ file, ...user, ca: "ca", usages: ["client"] })),
  ];
  for (const spec of specs) await pki.ensure(spec);
  mkdirSync(paths.kubeconfigs, { recursive: true, mode: 0o700 });
  for (const user of Object.keys(users(settings)))
    writeFileAtomic(kubeconfigPath(paths, user), kubeconfig(pki, user, `https://127.0.0.1:${settings.port}`), 0o600);
  return pki;
}

/** Of `user`, whose certificate is in `pki`. */
export function kubeconfig(pki: Pick<PKI, "certificate" | "key">, user: string, server: string): string {
  const data = (text: string): string => Buffer.from(text).toString("base64");
  const name = user === "admin" ? "kubernetes-admin" : user;
  return `apiVersion: v1
kind: Config
clusters:
- name: k8ts
  cluster:
    server: ${server}
    certificate-authority-data: ${data(pki.certificate("ca"))}
users:
- name: ${name}
  user:
    client-certificate-data: ${data(pki.certificate(user))}
    client-key-data: ${data(pki.key(user))}
contexts:
- name: ${name}@k8ts
  context:
    cluster: k8ts
    user: ${name}
current-context: ${name}@k8ts
`;
}
