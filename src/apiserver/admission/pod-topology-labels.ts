/** A pod gets its node's zone and region as labels (plugin/pkg/admission/podtopologylabels, KEP-4742). */
import type { Binding, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

const copied = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

export function podTopologyLabels({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "PodTopologyLabels",
    mutate(attributes) {
      if (!concerns(attributes, "pods", "binding")) return;
      const object = attributes.object as Pod | Binding;
      let nodeName: string | undefined;
      if (attributes.subresource === "binding") {
        const { target } = object as Binding;
        nodeName = target.kind === "Node" ? target.name : undefined;
      } else nodeName = (object as Pod).spec.nodeName;
      const labels = nodeName ? reader.labels("nodes", "", nodeName) : undefined;
      for (const key of copied) {
        const value = labels?.[key];
        if (value !== undefined) object.metadata.labels = { ...object.metadata.labels, [key]: value };
      }
    },
  };
}
