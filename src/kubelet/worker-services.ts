/** What the workers of all pods share. */
import type { Pod, ResourceStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import type { KubeletConfig } from "./config.ts";
import type { Killer } from "./kill.ts";
import type { ReferencedObjects } from "./objects.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodSync } from "./pod-sync.ts";
import type { ProbeManager } from "./probes/manager.ts";
import type { Postponed } from "./resize/pod-resize.ts";
import type { Runtime } from "./runtime.ts";
import type { StatusManager } from "./status-manager.ts";
import type { TokenSource } from "./volumes/payload.ts";
import type { Volumes } from "./volumes/volumes.ts";

export interface WorkerServices {
  config: KubeletConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  runtime: Runtime;
  sync: PodSync;
  killer: Killer;
  volumes: Volumes;
  cgroups: Cgroups;
  probes: ProbeManager;
  statuses: StatusManager;
  events: PodEvents;
  objects: ReferencedObjects;
  token: TokenSource;
  allocatable(): Record<string, string>;
  /** Why pods cannot get a network now; undefined when they can. */
  networkProblem(): string | undefined;
  /** Why the node has no room for the pod as it asks to be; undefined when it has. */
  roomFor(uid: string): Postponed | undefined;
  /** A container of the pod has processors of its own: its time is not limited. */
  hasExclusiveCpus(uid: string): boolean;
  /** Health of what a container of the pod was given. */
  resourceStatuses(pod: Pod, container: string): ResourceStatus[];
  /** Has the next list of what runs compared with what the worker knows. */
  tellAgain(uid: string): void;
  onResizeWanted(uid: string): void;
  /** Nothing of the pod runs any more: what was prepared for it is undone. Rejects when that failed. */
  takeBack(pod: Pod): Promise<void>;
  /** Nothing of the pod runs any more: what was set aside for it is free. */
  onStopped(pod: Pod): void;
  /** A pod's own group is about to be made, or what it asks for has changed: the groups above it follow. */
  onCgroup(): void;
  /** A pod has given something back. */
  onRoom(): void;
  /** The worker's state has become `finished`. */
  onFinished(uid: string): void;
}
