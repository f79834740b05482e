/**
 * What claims of devices count against quotas: by the class, and by the extended resources that the class stands behind
 * (pkg/quota/v1/evaluator/core/resource_claims.go; KEP-5004). Pure.
 */
import { addQuantities, compareQuantities, type ResourceList } from "../core/resource-list.ts";
import { isNativeResource } from "../core/resource-names.ts";
import { controllerOf } from "../meta/owner.ts";
import { parseQuantity } from "../quantity.ts";
import { extendedClaimAnnotation, implicitResource } from "../resource/extended-resource.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import type { ResourceClaim } from "../types/resource-v1.gen.ts";
import type { QuotaEvaluator, QuotaSurroundings } from "./evaluator.ts";

const byDeviceClass = ".deviceclass.resource.k8s.io/devices";
/** Most devices that one claim can be given. */
const mostDevices = 32;
const devicesOf = ({ allocationMode, count }: { allocationMode?: string; count?: number }): number =>
  allocationMode === "All" ? mostDevices : allocationMode === "ExactCount" ? (count ?? 0) : 0;

function devicesByClass({ spec }: ResourceClaim): Map<string, number> {
  const devices = new Map<string, number>();
  const add = (deviceClass: string, count: number): void => {
    devices.set(deviceClass, (devices.get(deviceClass) ?? 0) + count);
  };
  for (const { exactly, firstAvailable } of spec.devices?.requests ?? []) {
    // Which alternative is taken is not known: of each class the most that may be.
    const most = new Map<string, number>();
    for (const request of firstAvailable ?? []) most.set(request.deviceClassName, Math.max(most.get(request.deviceClassName) ?? 0, devicesOf(request)));
    for (const [deviceClass, count] of most) add(deviceClass, count);
    if (exactly && !firstAvailable?.length) add(exactly.deviceClassName, devicesOf(exactly));
  }
  return devices;
}

/** The name under which a quota bounds an extended resource, one that is named after a class included. */
const prefix = "requests.";
export const isExtendedQuota = (name: string): boolean =>
  name.startsWith(prefix) && (!isNativeResource(name) || name.startsWith(prefix + implicitResource("")));

/** The pod whose extended resources the claim stands for, so that it is charged for them already. */
function chargedPod(claim: ResourceClaim, around: QuotaSurroundings): Pod | undefined {
  const { annotations, namespace = "", name } = claim.metadata;
  const owner = annotations?.[extendedClaimAnnotation] === "true" ? controllerOf(claim) : undefined;
  if (owner?.kind !== "Pod" || owner.apiVersion !== "v1") return undefined;
  const pod = around.pod(namespace, owner.name);
  if (pod?.metadata.uid !== owner.uid) return undefined;
  const known = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (known !== undefined) return known === name ? pod : undefined;
  // Until the pod says which claim is its own, the first is.
  const age = ({ metadata }: ResourceClaim): number => Date.parse(metadata.creationTimestamp ?? "") || Number.POSITIVE_INFINITY;
  const isOfPod = (one: ResourceClaim): boolean => one.metadata.annotations?.[extendedClaimAnnotation] === "true" && controllerOf(one)?.uid === owner.uid;
  const isEarlier = (one: ResourceClaim): boolean => age(one) < age(claim) || (age(one) === age(claim) && one.metadata.name < name);
  return around.resourceClaims(namespace).some((one) => isOfPod(one) && isEarlier(one)) ? undefined : pod;
}

/** `podUsage`: what a pod is charged for. */
export function claimEvaluator(around: QuotaSurroundings, podUsage: (pod: Pod, now: number) => ResourceList): QuotaEvaluator {
  const counts = (name: string): boolean =>
    name === "count/resourceclaims.resource.k8s.io" ||
    name.endsWith(byDeviceClass) ||
    (isExtendedQuota(name) && around.classBehind(name.slice(prefix.length)) !== undefined);
  return {
    matching: (names) => names.filter(counts),
    usage(object, now) {
      const claim = object as ResourceClaim;
      const result: ResourceList = { "count/resourceclaims.resource.k8s.io": "1" };
      const extended: ResourceList = {};
      for (const [className, count] of devicesByClass(claim)) {
        const quantity = String(count);
        result[className + byDeviceClass] = quantity;
        extended[prefix + implicitResource(className)] = quantity;
        const resource = around.classBehind(implicitResource(className))?.spec.extendedResourceName;
        if (resource === undefined) continue;
        const before = extended[prefix + resource];
        extended[prefix + resource] = before === undefined ? quantity : addQuantities(before, quantity);
      }
      const pod = Object.keys(extended).length ? chargedPod(claim, around) : undefined;
      const charged = pod ? podUsage(pod, now) : {};
      for (const [name, quantity] of Object.entries(extended)) {
        const rest = charged[name] === undefined ? quantity : parseQuantity(quantity).sub(parseQuantity(charged[name])).toString();
        if (compareQuantities(rest, "0") > 0) result[name] = rest;
      }
      return result;
    },
    matchesScope: () => false,
    missing: () => undefined,
  };
}
