/** Ports of the node that a pod asks for must be free there. */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { type HostPort, podInfoOf } from "../framework/pod-info.ts";

const name = "NodePorts";
const refused = rejection(name, true, "node(s) didn't have free ports for the requested pod ports");

/** The unspecified address clashes with every address. */
const clash = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === "0.0.0.0" || b.ip === "0.0.0.0");

export const nodePorts: Plugin = {
  name,
  wakes: [
    {
      source: "AssignedPod",
      actions: action.delete,
      hint: (pod, { old }) => podInfoOf(pod).hostPorts.some((wanted) => podInfoOf(old as Pod).hostPorts.some((freed) => clash(wanted, freed))),
    },
    { source: "Node", actions: action.add },
  ],
  filter({ pod }) {
    const wanted = pod.hostPorts;
    if (wanted.length === 0) return "skip";
    return {
      check({ rows }, row) {
        for (const used of rows[row]!.ports.values()) for (const port of wanted) if (clash(port, used)) return refused;
        return undefined;
      },
    };
  },
};
