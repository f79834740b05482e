/** Which devices each container has, and what their plugins said about them (pkg/kubelet/cm/devicemanager/pod_devices.go). */
import type { DevicesPerNuma, PodDevicesEntry } from "./checkpoint.ts";
import { decodeResponse, encodeResponse } from "./protocol.ts";
import type { ContainerAllocateResponse } from "./types.gen.ts";

export interface Allocation {
  ids: DevicesPerNuma;
  response: ContainerAllocateResponse;
}

const idsOf = (ids: DevicesPerNuma): Set<string> => new Set(Object.values(ids).flat());

export class PodDevices {
  /** By pod, container and resource. */
  readonly #pods = new Map<string, Map<string, Map<string, Allocation>>>();

  get pods(): Iterable<string> {
    return this.#pods.keys();
  }
  has(podUid: string): boolean {
    return this.#pods.has(podUid);
  }
  set(podUid: string, container: string, resource: string, allocation: Allocation): void {
    const containers = this.#pods.get(podUid) ?? new Map<string, Map<string, Allocation>>();
    this.#pods.set(podUid, containers);
    const resources = containers.get(container) ?? new Map<string, Allocation>();
    containers.set(container, resources);
    resources.set(resource, allocation);
  }
  delete(podUid: string): boolean {
    return this.#pods.delete(podUid);
  }
  ofContainer(podUid: string, container: string): ReadonlyMap<string, Allocation> {
    return this.#pods.get(podUid)?.get(container) ?? new Map();
  }
  /** Undefined: nothing was given for the resource. */
  ids(podUid: string, container: string, resource: string): Set<string> | undefined {
    const allocation = this.ofContainer(podUid, container).get(resource);
    return allocation && idsOf(allocation.ids);
  }
  idsOfPod(podUid: string, resource: string): Set<string> {
    const ids = new Set<string>();
    for (const container of this.#pods.get(podUid)?.keys() ?? []) for (const id of this.ids(podUid, container, resource) ?? []) ids.add(id);
    return ids;
  }
  /** Everything that somebody has, by resource. */
  allocated(): Map<string, Set<string>> {
    const all = new Map<string, Set<string>>();
    for (const containers of this.#pods.values())
      for (const resources of containers.values())
        for (const [resource, { ids }] of resources) {
          const set = all.get(resource) ?? new Set();
          all.set(resource, set);
          for (const id of idsOf(ids)) set.add(id);
        }
    return all;
  }
  /** Pods that have the device. */
  *holders(resource: string, id: string): Generator<string> {
    for (const [pod, containers] of this.#pods) {
      for (const container of containers.keys())
        if (this.ids(pod, container, resource)?.has(id)) {
          yield pod;
          break;
        }
    }
  }
  entries(): PodDevicesEntry[] {
    const entries: PodDevicesEntry[] = [];
    for (const [PodUID, containers] of this.#pods)
      for (const [ContainerName, resources] of containers)
        for (const [ResourceName, { ids, response }] of resources)
          entries.push({ PodUID, ContainerName, ResourceName, DeviceIDs: ids, AllocResp: encodeResponse(response).toString("base64") });
    return entries;
  }
  /** Throws when what a plugin answered cannot be read. */
  restore(entries: readonly PodDevicesEntry[]): void {
    for (const e of entries)
      this.set(e.PodUID, e.ContainerName, e.ResourceName, { ids: e.DeviceIDs ?? {}, response: decodeResponse(Buffer.from(e.AllocResp ?? "", "base64")) });
  }
}
