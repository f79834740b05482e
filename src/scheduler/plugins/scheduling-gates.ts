/** A pod with scheduling gates waits until they are gone. */
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";

const name = "SchedulingGates";

export const schedulingGates: Plugin = {
  name,
  wakes: [{ source: "TargetPod", actions: action.updatePodGates }],
  preEnqueue(pod) {
    const gates = pod.spec.schedulingGates ?? [];
    if (!gates.length) return undefined;
    return rejection(name, false, `waiting for scheduling gates: [${gates.map((gate) => gate.name).join(" ")}]`);
  },
};
