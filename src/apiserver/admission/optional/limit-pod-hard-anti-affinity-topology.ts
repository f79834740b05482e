/** Pods may keep others off nodes, not off zones (plugin/pkg/admission/antiaffinity). */
import { forbidden } from "../../../api/status.ts";
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { concerns } from "../refuse.ts";

const hostname = "kubernetes.io/hostname";

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: "LimitPodHardAntiAffinityTopology",
  validate(attributes) {
    if (!concerns(attributes, "pods")) return;
    const { metadata, spec } = attributes.object as Pod;
    for (const { topologyKey } of spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (topologyKey === hostname) continue;
      const why = `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${topologyKey} but only key ${hostname} is allowed`;
      throw forbidden("pods", metadata.name ?? "", why);
    }
  },
};
