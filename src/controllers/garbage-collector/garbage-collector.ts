/** Garbage collection: https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
import type { Controller } from "../runtime/controller.ts";
import { Collector, UnknownKindError } from "./collector.ts";
import { Graph } from "./graph.ts";
import { Monitors } from "./monitors.ts";

const deleteKey = (uid: string): string => `delete/${uid}`;
const orphanKey = (uid: string): string => `orphan/${uid}`;

export const garbageCollector: Controller = {
  name: "garbage-collector-controller",
  account: "generic-garbage-collector",
  component: "garbage-collector-controller",
  workers: 20,
  start(context) {
    const { enqueue, events, logger } = context;
    const graph = new Graph({
      attemptToDelete: (node) => enqueue(deleteKey(node.identity.uid)),
      attemptToOrphan: (node) => enqueue(orphanKey(node.identity.uid)),
      invalidNamespace({ identity }, { apiVersion, kind, name, uid }) {
        const owner = `[${apiVersion}/${kind}, namespace: ${identity.namespace}, name: ${name}, uid: ${uid}]`;
        const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(identity.namespace)}`;
        events.event(identity, "Warning", "OwnerRefInvalidNamespace", message);
      },
    });
    const monitors = new Monitors(context, (resource, old, object) => {
      const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
      if (object) graph.observed(old, object, { apiVersion, kind: resource.kind });
      else if (old) graph.deleted(old.metadata.uid);
    });
    const collector = new Collector(context, graph, monitors);
    void monitors.run();
    return async (key) => {
      await monitors.ready();
      const [what, uid = ""] = key.split("/");
      const node = graph.nodes.get(uid);
      if (!node) return;
      try {
        if (what === "orphan") await collector.orphanDependents(node);
        else if (await collector.attemptToDelete(node, (other) => enqueue(deleteKey(other.identity.uid)))) return { retry: true };
      } catch (error) {
        if (!(error instanceof UnknownKindError)) throw error;
        logger.debug("owner of unknown kind", { error, uid });
        return { retry: true };
      }
    };
  },
};
