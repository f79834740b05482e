/** ReplicaSet: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
import { controllerOf } from "../../api/meta/owner.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import type { ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { replicasets } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { byController } from "../runtime/ownership.ts";
import { startReplicas } from "./replicas.ts";

export const replicaset: Controller = {
  name: "replicaset-controller",
  account: "replicaset-controller",
  start: (context) =>
    startReplicas<ReplicaSet>(context, {
      resource: replicasets,
      selector: (object) => selectorOf(object.spec.selector),
      // Pods of the same Deployment on one node should not all survive a rollout.
      related(object, pods, owners) {
        const controller = controllerOf(object);
        const siblings = controller ? owners.by(byController, controller.uid) : [object];
        return siblings.flatMap((sibling) => {
          const selector = selectorOf(sibling.spec.selector);
          return pods.by(byController, sibling.metadata.uid).filter((pod) => selector.matches(pod.metadata.labels));
        });
      },
      countsTerminating: true,
    }),
};
