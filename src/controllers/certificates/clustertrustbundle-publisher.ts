/**
 * Who verifies the API server finds its authority in a ClusterTrustBundle named after what is in it; others of the same signer go
 * (pkg/controller/certificates/clustertrustbundlepublisher).
 */
import { createHash } from "node:crypto";
import { isNotFound } from "../../api/status.ts";
import { clustertrustbundles } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";

const signerName = "kubernetes.io/kube-apiserver-serving";

/** Of the bundle with that content. */
export const bundleName = (signer: string, content: string): string =>
  `${signer.replaceAll("/", ":")}:${createHash("sha256").update(content).digest("hex").slice(0, 24)}`;

export const clusterTrustBundlePublisher: Controller = {
  name: "kube-apiserver-serving-clustertrustbundle-publisher-controller",
  account: "kube-apiserver-serving-clustertrustbundle-publisher",
  gate: "ClusterTrustBundle",
  workers: 1,
  start({ client, informers, enqueue, options: { rootCA: trustBundle }, signal }) {
    const bundles = informers.informer(clustertrustbundles, { fieldSelector: `spec.signerName=${signerName}` });
    bundles.onChange(() => enqueue(signerName));
    enqueue(signerName);
    const api = client.resource(clustertrustbundles);
    return async () => {
      if (trustBundle === undefined) return;
      const name = bundleName(signerName, trustBundle);
      const known = bundles.get("", name);
      if (!known) await api.create("", { metadata: { name }, spec: { signerName, trustBundle } }, { signal });
      else if (known.spec.trustBundle !== trustBundle) await api.update({ ...known, spec: { ...known.spec, trustBundle } }, { signal });
      for (const { metadata } of bundles.list()) {
        if (metadata.name === name) continue;
        await api.delete("", metadata.name, { signal }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }
    };
  },
};
