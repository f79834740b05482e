/** Pods with resource claims are refused: devices are not allocated yet. */
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";

const name = "DynamicResources";
const refused = rejection(name, false, "pod has resource claims, which this scheduler does not allocate");

export const dynamicResources: Plugin = {
  name,
  wakes: [{ source: "TargetPod", actions: action.updateOther }],
  filter: ({ pod }) => (pod.pod.spec.resourceClaims?.length ? refused : "skip"),
};
