/** Pods that ask for an extended resource may go where nodes are kept for it (plugin/pkg/admission/extendedresourcetoleration). */
import { isExtendedResource } from "../../../api/core/resource-names.ts";
import type { Pod, Toleration } from "../../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { concerns } from "../refuse.ts";

export const extendedResourceToleration: AdmissionPlugin = {
  name: "ExtendedResourceToleration",
  mutate(attributes) {
    if (!concerns(attributes, "pods")) return;
    const { spec } = attributes.object as Pod;
    const asked = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
    for (const key of [...new Set(asked.filter(isExtendedResource))].sort()) {
      const wanted: Toleration = { key, operator: "Exists", effect: "NoSchedule" };
      const others = (spec.tolerations ?? []).filter((one) => one.key !== key || one.operator !== "Exists" || one.effect !== "NoSchedule" || one.value);
      spec.tolerations = [...others, wanted];
    }
  },
};
