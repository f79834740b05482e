/** Keeps pods off cordoned nodes, unless they tolerate it. */
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { toleratesAny } from "../framework/toleration.ts";

const name = "NodeUnschedulable";
const refused = rejection(name, false, "node(s) were unschedulable");
const tolerated = (pod: Pod): boolean => toleratesAny(pod.spec.tolerations, { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" });

export const nodeUnschedulable: Plugin = {
  name,
  isStatic: true,
  wakes: [
    {
      source: "Node",
      actions: action.add | action.updateTaint,
      hint: (_, { old, object }) => !(object as Node).spec?.unschedulable && (!old || Boolean((old as Node).spec?.unschedulable)),
    },
    { source: "TargetPod", actions: action.updatePodTolerations, hint: (_, { object }) => tolerated(object as Pod) },
  ],
  filter({ pod }) {
    if (tolerated(pod.pod)) return {};
    return { check: (snapshot, row) => (snapshot.rows[row]?.node?.spec?.unschedulable ? refused : undefined) };
  },
};
