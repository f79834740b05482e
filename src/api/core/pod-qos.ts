/** Quality of service class of a pod (pkg/apis/core/v1/helper/qos). */
import type { Pod, PodSpec } from "../types/core-v1.gen.ts";
import { addQuantities, compareQuantities, quantityOf, type ResourceList } from "./resource-list.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";
type Spec = Pick<PodSpec, "containers" | "initContainers" | "resources">;
const names = ["cpu", "memory"];

/** Adds what is above zero; true when both compute resources are. */
function addCompute(sum: ResourceList, list: ResourceList | undefined): boolean {
  let found = 0;
  for (const name of names) {
    const quantity = list?.[name];
    if (quantity === undefined || quantityOf(quantity).sign() <= 0) continue;
    found++;
    sum[name] = sum[name] === undefined ? quantity : addQuantities(sum[name], quantity);
  }
  return found === names.length;
}

/** The class that the specification means; pod-level resources decide where there are any. */
export function computePodQos(spec: Spec): QosClass {
  const requests: ResourceList = {};
  const limits: ResourceList = {};
  let guaranteed = true;
  if (spec.resources) {
    addCompute(requests, spec.resources.requests);
    if (!addCompute(limits, spec.resources.limits) && Object.keys(spec.resources.limits ?? {}).length > 0) guaranteed = false;
  } else
    for (const containers of [spec.containers, spec.initContainers])
      for (const { resources } of containers ?? []) {
        addCompute(requests, resources?.requests);
        if (!addCompute(limits, resources?.limits)) guaranteed = false;
      }
  const requested = Object.keys(requests);
  if (requested.length === 0 && Object.keys(limits).length === 0) return "BestEffort";
  const equal = requested.every((name) => limits[name] !== undefined && compareQuantities(requests[name]!, limits[name]) === 0);
  return guaranteed && equal && requested.length === Object.keys(limits).length ? "Guaranteed" : "Burstable";
}

/** The class that the pod was given at creation, else the computed one. */
export const podQos = (pod: Pick<Pod, "spec" | "status">): QosClass => (pod.status?.qosClass as QosClass | undefined) || computePodQos(pod.spec);
