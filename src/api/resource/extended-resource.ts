/**
 * Extended resources that devices stand behind (KEP-5004): which class of devices a resource's name means. A class has a name for
 * every resource that it stands behind without saying so, and may choose one more.
 */
import { isExtendedResource } from "../core/resource-names.ts";
import type { DeviceClass } from "../types/resource-v1.gen.ts";

const implicitPrefix = "deviceclass.resource.kubernetes.io/";

/** The name under which pods can ask for devices of a class whatever it says. */
export const implicitResource = (className: string): string => `${implicitPrefix}${className}`;

/** On claims that the scheduler makes for a pod's extended resources; its value is "true". */
export const extendedClaimAnnotation = "resource.kubernetes.io/extended-resource-claim";

/** Whether devices may stand behind a resource. */
export const mayBeDevices = (resource: string): boolean => isExtendedResource(resource) || resource.startsWith(implicitPrefix);

const madeAt = ({ metadata }: DeviceClass): number => (metadata.creationTimestamp ? Date.parse(metadata.creationTimestamp) : 0);
/** Who moves from one class to another makes a new one: the newer counts, of equals the one whose name comes first. */
function replaces(a: DeviceClass, b: DeviceClass): boolean {
  const difference = madeAt(a) - madeAt(b);
  return difference > 0 || (difference === 0 && a.metadata.name < b.metadata.name);
}

/** Classes by the names of the resources that they stand behind. */
export function classesByResource(classes: Iterable<DeviceClass>): ReadonlyMap<string, DeviceClass> {
  const known = new Map<string, DeviceClass>();
  for (const one of classes) {
    const { extendedResourceName } = one.spec;
    known.set(implicitResource(one.metadata.name), one);
    if (extendedResourceName === undefined) continue;
    const other = known.get(extendedResourceName);
    if (!other || replaces(one, other)) known.set(extendedResourceName, one);
  }
  return known;
}
