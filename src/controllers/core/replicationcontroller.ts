/** ReplicationController: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/ */
import { nothing, selectorFromSet } from "../../api/selectors/labels.ts";
import type { ReplicationController } from "../../api/types/core-v1.gen.ts";
import { replicationcontrollers } from "../../client/resources.gen.ts";
import { startReplicas } from "../apps/replicas.ts";
import type { Controller } from "../runtime/controller.ts";
import { byController } from "../runtime/ownership.ts";

export const replicationcontroller: Controller = {
  name: "replicationcontroller-controller",
  account: "replication-controller",
  start: (context) =>
    startReplicas<ReplicationController>(context, {
      resource: replicationcontrollers,
      selector: ({ spec: { selector } }) => (selector && Object.keys(selector).length ? selectorFromSet(selector) : nothing),
      related: (object, pods) => pods.by(byController, object.metadata.uid),
      countsTerminating: false,
    }),
};
