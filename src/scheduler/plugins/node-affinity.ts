/** Node selector and node affinity. */
import type { Node } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type NodeFacts, nodeSelectorTest, preferredNodes, requiredNodeNames, requiredNodes } from "../framework/node-selector.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { normalizeToMax, type Plugin, rejection } from "../framework/plugin.ts";

const name = "NodeAffinity";
const refused = rejection(name, false, "node(s) didn't match Pod's node affinity/selector");
const conflict = rejection(name, false, "pod affinity terms conflict");

const enforced = rejection(name, false, "node(s) didn't match scheduler-enforced node affinity");

/** `addedAffinity` holds for every pod on top of its own. */
export const nodeAffinity = ({ addedAffinity }: PluginArgs["NodeAffinity"]): Plugin => {
  const added = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution && nodeSelectorTest(addedAffinity.requiredDuringSchedulingIgnoredDuringExecution);
  const addedScore = preferredNodes(addedAffinity);
  const plugin: Plugin = {
    name,
    isStatic: true,
    wakes: [
      {
        source: "Node",
        actions: action.add | action.updateLabel,
        hint(pod, { old, object }) {
          const required = requiredNodes(pod);
          const facts = (node: Node): NodeFacts => ({ name: node.metadata.name, labels: node.metadata.labels ?? {} });
          const matches = (node: Node): boolean => !required || required(facts(node));
          if (added && !added(facts(object as Node))) return false;
          return matches(object as Node) && (!old || !matches(old as Node));
        },
      },
    ],
    filter({ pod }) {
      const { spec } = pod.pod;
      const required = requiredNodes(pod.pod);
      // An empty selector asks for nothing but counts as one.
      if (!required && !added) return spec.nodeSelector ? {} : "skip";
      const nodeNames = requiredNodeNames(pod.pod);
      if (nodeNames?.size === 0) return conflict;
      return {
        nodeNames,
        check({ rows }, row) {
          const node = rows[row];
          if (!node || (added && !added(node))) return enforced;
          return !required || required(node) ? undefined : refused;
        },
      };
    },
    score({ pod }) {
      const preferred = preferredNodes(pod.pod.spec.affinity?.nodeAffinity);
      if (!preferred && !addedScore) return "skip";
      return {
        score({ rows }, feasible, out) {
          for (let i = 0; i < feasible.length; i++) {
            const node = rows[feasible[i] as number]!;
            out[i] = (preferred?.(node) ?? 0) + (addedScore?.(node) ?? 0);
          }
        },
        normalize: (scores: Float64Array) => normalizeToMax(scores, false),
      };
    },
  };
  return plugin;
};
