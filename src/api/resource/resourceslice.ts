/** ResourceSlices: known, and refused as long as neither scheduler nor kubelet allocate devices. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { ResourceSlice } from "../types/resource-v1.gen.ts";

export const resourceSliceKind: Kind<ResourceSlice> = {
  resource: "resourceslices.resource.k8s.io",
  refused: "devices are not allocated by this cluster yet",
  fields: ({ spec }) => ({ "spec.nodeName": spec.nodeName ?? "", "spec.driver": spec.driver }),
  cells: (item, now) => [item.metadata.name, item.spec.nodeName ?? "", item.spec.driver, item.spec.pool?.name ?? "", age(item, now)],
};
