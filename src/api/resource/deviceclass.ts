/** DeviceClasses: known, and refused as long as neither scheduler nor kubelet allocate devices. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { DeviceClass } from "../types/resource-v1.gen.ts";

export const deviceClassKind: Kind<DeviceClass> = {
  resource: "deviceclasses.resource.k8s.io",
  refused: "devices are not allocated by this cluster yet",
  cells: (item, now) => [item.metadata.name, age(item, now)],
};
