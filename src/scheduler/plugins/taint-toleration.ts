/** Taints that a pod does not tolerate keep it away; those that only ask (PreferNoSchedule) cost points. */
import type { Node } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { normalizeToMax, type Plugin, rejection } from "../framework/plugin.ts";
import { toleratesAny, untoleratedTaint } from "../framework/toleration.ts";

const name = "TaintToleration";
const refused = rejection(name, false, "node(s) had untolerated taint(s)");

export const taintToleration: Plugin = {
  name,
  isStatic: true,
  wakes: [
    {
      source: "Node",
      actions: action.add | action.updateTaint,
      hint(pod, { old, object }) {
        const refuses = (node: Node): boolean => untoleratedTaint(node.spec?.taints, pod.spec.tolerations) !== undefined;
        return (!old || refuses(old as Node)) && !refuses(object as Node);
      },
    },
    { source: "TargetPod", actions: action.updatePodTolerations },
  ],
  filter({ pod }) {
    const { tolerations } = pod.pod.spec;
    return {
      check(snapshot, row) {
        const taints = snapshot.rows[row]?.node?.spec?.taints;
        return taints && untoleratedTaint(taints, tolerations) ? refused : undefined;
      },
    };
  },
  score({ pod }) {
    const tolerations = pod.pod.spec.tolerations?.filter(({ effect }) => !effect || effect === "PreferNoSchedule");
    return {
      score({ rows, softTaints }, feasible, out) {
        for (let i = 0; i < feasible.length; i++) {
          const row = feasible[i] as number;
          const taints = softTaints[row] ? rows[row]?.node?.spec?.taints : undefined;
          out[i] = taints ? taints.filter((taint) => taint.effect === "PreferNoSchedule" && !toleratesAny(tolerations, taint)).length : 0;
        }
      },
      normalize: (scores: Float64Array) => normalizeToMax(scores, true),
    };
  },
};
