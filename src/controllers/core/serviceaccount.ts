/** Every active namespace has the ServiceAccount `default`. */
import { isAlreadyExists } from "../../api/status.ts";
import { namespaces, serviceaccounts } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { isNamespaceTerminating } from "../runtime/pod-control.ts";

const name = "default";

export const serviceaccount: Controller = {
  name: "serviceaccount-controller",
  account: "service-account-controller",
  workers: 1,
  start({ client, informers, enqueue, signal }) {
    const spaces = informers.informer(namespaces);
    const accounts = informers.informer(serviceaccounts);
    spaces.onChange((_, namespace) => {
      if (namespace) enqueue(namespace.metadata.name);
    });
    accounts.onChange((old, account) => {
      if (old && !account && old.metadata.name === name) enqueue(old.metadata.namespace as string);
    });
    return async (namespace) => {
      if (spaces.get("", namespace)?.status?.phase !== "Active" || accounts.get(namespace, name)) return;
      try {
        await client.resource(serviceaccounts).create(namespace, { metadata: { name, namespace } }, { signal });
      } catch (error) {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      }
    };
  },
};
