/** A new node is not ready until the node controller says so (plugin/pkg/admission/nodetaint). */
import type { Node } from "../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  mutate(attributes) {
    if (!concerns(attributes, "nodes")) return;
    const node = attributes.object as Node;
    node.spec ??= {};
    if (node.spec.taints?.some((taint) => taint.key === notReady.key && taint.effect === notReady.effect)) return;
    node.spec.taints = [...(node.spec.taints ?? []), { ...notReady }];
  },
};
