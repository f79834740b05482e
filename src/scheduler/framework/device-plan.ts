/** Devices for the claims of pods: what is known of them, and who writes down which pod gets which. */
import type { ContainerExtendedResourceRequest, Pod } from "../../api/types/core-v1.gen.ts";
import type { AllocationResult, DeviceClass, ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import type { DevicesInUse } from "../devices/in-use.ts";

export interface DevicePlan {
  readonly claim: ResourceClaim;
  /** Absent where the claim has its devices already. */
  readonly allocation: AllocationResult | undefined;
  /** Of a claim for the pod's extended resources, which has still to be made: what is to be said of it in the pod's status. */
  readonly mappings?: readonly ContainerExtendedResourceRequest[];
}

export interface DeviceBinder {
  claim(namespace: string, name: string): ResourceClaim | undefined;
  deviceClass(name: string): DeviceClass | undefined;
  /** The class of the devices that stand behind a resource; undefined where none do. */
  classBehind(resource: string): DeviceClass | undefined;
  /** What an earlier attempt made for the pod's extended resources. */
  extendedClaim(pod: Pod): ResourceClaim | undefined;
  slices(): readonly ResourceSlice[];
  /** By all claims, those included that are about to be written. */
  inUse(): DevicesInUse;
  /** The claim is about to get its devices. */
  isPending(claim: ResourceClaim): boolean;
  /** Milliseconds since the epoch. */
  now(): number;
  uuid(): string;
  /** A function that throws when it is called more than so many milliseconds later. */
  timer(ms: number): () => void;
  /** From now on the devices count as given. */
  reserve(plans: readonly DevicePlan[]): void;
  /** Undoes it, and gives up what was written for the pod. */
  unreserve(pod: Pod, plans: readonly DevicePlan[]): void;
  /** Writes the devices into the claims and the pod into their list of users; gives the claims as they are then. */
  bind(pod: Pod, plans: readonly DevicePlan[], signal: AbortSignal): Promise<ResourceClaim[]>;
  /** Waits until `done`, which is asked every so often and may throw, or throws after `timeout` milliseconds. */
  wait(done: () => boolean, timeout: number, signal: AbortSignal): Promise<void>;
  /** Removes a claim that was made for extended resources. */
  remove(claim: ResourceClaim, signal: AbortSignal): Promise<void>;
  /** Takes its devices from a claim that nobody uses. */
  deallocate(claim: ResourceClaim, signal: AbortSignal): Promise<void>;
}
