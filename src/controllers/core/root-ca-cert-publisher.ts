/** Every active namespace has the ConfigMap kube-root-ca.crt, by which pods verify the API server. */
import { isAlreadyExists, isNotFound, StatusError } from "../../api/status.ts";
import { configmaps, namespaces } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { exponential } from "../runtime/measures.ts";
import { isNamespaceTerminating } from "../runtime/pod-control.ts";

const name = "kube-root-ca.crt";
const described = "kubernetes.io/description";
const annotations = {
  [described]:
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
};

export const rootCACertPublisher: Controller = {
  name: "root-ca-certificate-publisher-controller",
  account: "root-ca-cert-publisher",
  workers: 1,
  start({ client, clock, informers, enqueue, measures, options, signal }) {
    const spaces = informers.informer(namespaces);
    const maps = informers.informer(configmaps, { fieldSelector: `metadata.name=${name}` });
    spaces.onChange((_, namespace) => {
      if (namespace) enqueue(namespace.metadata.name);
    });
    maps.onChange((old, map) => {
      const changed = map ?? old;
      if (changed) enqueue(changed.metadata.namespace as string);
    });
    const help = "[ALPHA] Number of namespace syncs happened in root ca cert publisher.";
    const syncs = measures.counter("root_ca_cert_publisher_sync_total", help, ["code"]);
    const duration = measures.histogram("root_ca_cert_publisher_sync_duration_seconds", help, exponential(0.001, 2, 15), ["code"]);
    const { rootCA } = options;
    const api = client.resource(configmaps);
    return async (namespace) => {
      if (rootCA === undefined || spaces.get("", namespace)?.status?.phase !== "Active") return;
      const data = { "ca.crt": rootCA };
      const map = maps.get(namespace, name);
      const began = clock.monotonic();
      let code = 200;
      try {
        if (!map) await api.create(namespace, { metadata: { name, namespace, annotations }, data }, { signal });
        else if (map.data?.["ca.crt"] !== rootCA || Object.keys(map.data).length !== 1 || !map.metadata.annotations?.[described]) {
          await api.update({ ...map, metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, ...annotations } }, data }, { signal });
        }
      } catch (error) {
        code = error instanceof StatusError ? error.code : 500;
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !(map && isNotFound(error))) throw error;
      } finally {
        syncs.inc(String(code));
        duration.observe((clock.monotonic() - began) / 1000, String(code));
      }
    };
  },
};
