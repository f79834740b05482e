/** Token Secrets of old that nobody uses. The controllers are told to wait for one second instead of a year. */
import type { Kube } from "./kube.ts";
import type { Scenario } from "./scenario.ts";

const invalidSince = "kubernetes.io/legacy-token-invalid-since";
const lastUsed = "kubernetes.io/legacy-token-last-used";
const today = (): string => new Date().toISOString().slice(0, 10);

async function token(kube: Kube, name: string, labels: object = {}, account = "app"): Promise<void> {
  const annotations = { "kubernetes.io/service-account.name": account };
  // Complete already, so that nobody writes it while it is looked at.
  const data = Object.entries({ token: "x", namespace: kube.namespace, "ca.crt": kube.ca }).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  await kube.create("v1/Secret", { metadata: { name, annotations, labels }, type: "kubernetes.io/service-account-token", data: Object.fromEntries(data) });
}

export const unusedTokens: Scenario = {
  name: "unused-tokens",
  compared: ["v1/Secret"],
  async prepare(kube) {
    const secrets = ["unused", "used-long-ago", "used-today", "invalid-long-ago", "invalid-today", "mounted"].map((name) => ({ name }));
    await kube.create("v1/ServiceAccount", { metadata: { name: "app" }, secrets });
    await kube.create("v1/ServiceAccount", { metadata: { name: "default" } });
    await token(kube, "unused");
    await token(kube, "used-long-ago", { [lastUsed]: "2020-01-01" });
    await token(kube, "used-today", { [lastUsed]: today() });
    await token(kube, "invalid-long-ago", { [invalidSince]: "2020-01-01" });
    await token(kube, "invalid-today", { [invalidSince]: today() });
    await token(kube, "mounted");
    await token(kube, "by-hand");
    await kube.create("v1/Pod", {
      metadata: { name: "user" },
      spec: {
        automountServiceAccountToken: false,
        containers: [{ name: "c", image: "registry.k8s.io/pause:3.10", envFrom: [{ secretRef: { name: "mounted" } }] }],
      },
    });
    const tracking = kube.of("v1/ConfigMap");
    const name = "kube-apiserver-legacy-service-account-token-tracking";
    await tracking.patch("kube-system", name, "merge", { data: { since: "2020-01-01" } });
    await new Promise((resolve) => setTimeout(resolve, 2500));
  },
  async play(kube) {
    await kube.wait("v1/Secret", "invalid-long-ago", "is gone", (one) => !one);
    for (const name of ["unused", "used-long-ago"]) await kube.wait("v1/Secret", name, "is marked", (one) => one.metadata.labels?.[invalidSince]);
  },
};
