/** Node selector and node affinity. */
import type { Node } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { preferredNodes, requiredNodeNames, requiredNodes } from "../framework/node-selector.ts";
import { normalizeToMax, type Plugin, rejection } from "../framework/plugin.ts";

const name = "NodeAffinity";
const refused = rejection(name, false, "node(s) didn't match Pod's node affinity/selector");
const conflict = rejection(name, false, "pod affinity terms conflict");

export const nodeAffinity: Plugin = {
  name,
  isStatic: true,
  wakes: [
    {
      source: "Node",
      actions: action.add | action.updateLabel,
      hint(pod, { old, object }) {
        const required = requiredNodes(pod);
        const matches = (node: Node): boolean => !required || required({ name: node.metadata.name, labels: node.metadata.labels ?? {} });
        return matches(object as Node) && (!old || !matches(old as Node));
      },
    },
  ],
  filter({ pod }) {
    const { spec } = pod.pod;
    const required = requiredNodes(pod.pod);
    // An empty selector asks for nothing but counts as one.
    if (!required) return spec.nodeSelector ? {} : "skip";
    const nodeNames = requiredNodeNames(pod.pod);
    if (nodeNames?.size === 0) return conflict;
    return {
      nodeNames,
      check({ rows }, row) {
        const node = rows[row];
        return node && required(node) ? undefined : refused;
      },
    };
  },
  score({ pod }) {
    const preferred = preferredNodes(pod.pod);
    if (!preferred) return "skip";
    return {
      score({ rows }, feasible, out) {
        for (let i = 0; i < feasible.length; i++) out[i] = preferred(rows[feasible[i] as number]!);
      },
      normalize: (scores: Float64Array) => normalizeToMax(scores, false),
    };
  },
};
