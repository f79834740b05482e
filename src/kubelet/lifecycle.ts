/** What the parts of a node that give shares of it away are asked and told (upstream's pkg/kubelet/lifecycle and pkg/kubelet/cm). */
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { CDIDevice, Device, Mount } from "../cri/types.gen.ts";

/** Why a pod is not taken. */
export interface Refusal {
  reason: string;
  message: string;
  /** There would be no other reason if there were more of these: who is critical may have others end for it. */
  shortages?: readonly Shortage[];
}

/** In thousandths for cpu, in units for everything else. */
export interface Shortage {
  name: string;
  requested: number;
  used: number;
  capacity: number;
}

export interface AdmitContext {
  /** The pods that this node has taken and that are not over, with the resources that they were given. */
  others: readonly Pod[];
  /** The runtime had containers of the pod when the kubelet started: what it was given before is its own still. */
  adopted: boolean;
}

/** What a container gets on top of what its spec says. */
export interface ContainerAdditions {
  /** Variables that the spec does not set itself. */
  env?: Readonly<Record<string, string>>;
  mounts?: readonly Sent<Mount>[];
  devices?: readonly Sent<Device>[];
  annotations?: Readonly<Record<string, string>>;
  cdiDevices?: readonly Sent<CDIDevice>[];
  /** Processors, and nodes of memory, in the kernel's list form: `0-3,7`. */
  cpuset?: { cpus?: string; mems?: string };
  /** The processors are the container's alone: it may use them all the time. */
  exclusiveCpus?: boolean;
}

/**
 * Gives shares of something of the node to pods: from admission to the pod's end. Pods are admitted one after the other,
 * so that no two are promised the same.
 */
export interface ResourceManager {
  /** Undefined: what the pod needs is set aside for it until `release`. */
  admit(pod: Pod, context: AdmitContext): Promise<Refusal | undefined>;
  /** Asked before the pod's sandbox is made. Rejects while the pod cannot have what it needs; it is asked again. */
  prepare?(pod: Pod): Promise<void>;
  /** Nothing of the pod runs any more. Rejects when what was prepared could not be undone: it is asked again, and the pod is not over before. */
  takeBack?(pod: Pod): Promise<void>;
  /** Asked each time before the container is made. Rejects when what was set aside cannot be had any more: the container waits with CreateContainerConfigError. */
  additions(pod: Pod, container: Container): Promise<ContainerAdditions>;
  /** The container exists and is about to be started. */
  created?(pod: Pod, container: Container, id: string): void;
  /** Nothing of the pod runs any more, or it was refused; also told of pods that it was never asked about. */
  release(pod: Pod): void;
}
