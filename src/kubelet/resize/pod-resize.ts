/** One pod's resize, from what its spec asks for to what is in force; it survives a restart of the kubelet (KEP-1287). */
import { isMap } from "../../api/json.ts";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Pod, PodCondition } from "../../api/types/core-v1.gen.ts";
import type { Condition } from "../conditions.ts";
import type { PodEvents } from "../pod-events.ts";
import { sameJSON } from "../status-merge.ts";
import { type Allocation, allocationOf, hasResources, withAllocation } from "./allocation.ts";
import { inProgress } from "./plan.ts";

/** Why a resize cannot be allocated now, or, infeasible, never on this node. */
export interface Postponed {
  message: string;
  infeasible?: boolean;
}

interface State {
  allocated: Allocation;
  actuated: Allocation;
}
type Type = "PodResizePending" | "PodResizeInProgress";
const types: readonly Type[] = ["PodResizePending", "PodResizeInProgress"];

export class PodResize {
  readonly #directory: string;
  readonly #events: PodEvents;
  readonly #conditions = new Map<Type, Condition>();
  #state: State;
  #saved: State | undefined;

  /** `directory`: the pod's, which need not be there yet. */
  constructor(pod: Pod, directory: string, events: PodEvents) {
    this.#directory = directory;
    this.#events = events;
    this.#saved = readState(this.#file);
    this.#state = this.#saved ?? { allocated: allocationOf(pod), actuated: { containers: {} } };
    for (const { type, reason, message, observedGeneration } of pod.status?.conditions ?? [])
      if (types.includes(type as Type)) this.#set(type as Type, reason, message, observedGeneration);
  }
  get #file(): string {
    return `${this.#directory}/resources.json`;
  }
  get actuated(): Allocation {
    return this.#state.actuated;
  }
  get conditions(): Condition[] {
    return [...this.#conditions.values()];
  }
  get pending(): PodCondition | undefined {
    return this.#conditions.get("PodResizePending") as PodCondition | undefined;
  }
  /** The pod with the resources that it was given. */
  allocated(pod: Pod): Pod {
    return withAllocation(pod, this.#state.allocated);
  }
  asksForMore(pod: Pod): boolean {
    return withAllocation(pod, this.#state.allocated) !== pod;
  }

  /** Gives the pod what its spec asks for unless something is against it. True: it was given. */
  allocate(pod: Pod, postponed: Postponed | undefined): boolean {
    if (!this.asksForMore(pod)) {
      this.#conditions.delete("PodResizePending");
      return false;
    }
    const { generation } = pod.metadata;
    if (postponed) {
      const before = this.#conditions.get("PodResizePending");
      const reason = postponed.infeasible ? "Infeasible" : "Deferred";
      this.#set("PodResizePending", reason, postponed.message, generation);
      if (before?.reason !== reason || before.observedGeneration !== generation)
        this.#events.pod(pod, "Warning", `Resize${reason}`, summary(`Pod resize ${reason}`, pod, generation, postponed.message));
      return false;
    }
    this.#state = { ...this.#state, allocated: allocationOf(pod) };
    this.save();
    this.#conditions.delete("PodResizePending");
    this.#set("PodResizeInProgress", undefined, undefined, generation);
    this.#events.pod(pod, "Normal", "ResizeStarted", summary("Pod resize started", pod, generation));
    return true;
  }

  /** Looks whether what was given is in force. `pod`: with what it was given. */
  observe(pod: Pod, isRunning: (container: string) => boolean): void {
    const before = this.#conditions.get("PodResizeInProgress");
    if (inProgress(pod, this.#state.actuated, isRunning)) {
      if (!before) this.#set("PodResizeInProgress", undefined, undefined, pod.metadata.generation);
    } else if (before) {
      this.#conditions.delete("PodResizeInProgress");
      this.#events.pod(pod, "Normal", "ResizeCompleted", summary("Pod resize completed", pod, before.observedGeneration));
    }
  }
  failed(pod: Pod, message: string): void {
    const before = this.#conditions.get("PodResizeInProgress");
    const generation = before?.observedGeneration ?? pod.metadata.generation;
    this.#set("PodResizeInProgress", "Error", message, generation);
    if (before?.reason !== "Error" || before.message !== message)
      this.#events.pod(pod, "Warning", "ResizeError", summary("Pod resize error", pod, generation, message));
  }
  /** Nothing is resized any more. */
  end(): void {
    this.#conditions.clear();
  }

  actuate(actuated: Allocation): void {
    this.#state = { ...this.#state, actuated };
    this.save();
  }
  /** A container was made with the resources that it was given; the pod's cgroup has the pod's. */
  made(pod: Pod, container: string): void {
    const given = allocationOf(pod);
    const { actuated } = this.#state;
    this.actuate({ pod: actuated.pod ?? given.pod ?? {}, containers: { ...actuated.containers, [container]: given.containers[container] ?? {} } });
  }
  /** Writes what changed since the last time; the file goes with the pod's directory. */
  save(): void {
    // Who has none can never be given any: that would change the class of the pod.
    if (!this.#saved && !hasResources(this.#state.allocated)) return;
    if (sameJSON(this.#saved, this.#state)) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o750 });
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#state), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    this.#saved = this.#state;
  }

  #set(type: Type, reason: string | undefined, message: string | undefined, observedGeneration: number | undefined): void {
    this.#conditions.set(type, {
      type,
      status: "True",
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
      ...(observedGeneration ? { observedGeneration } : {}),
    });
  }
}

/** As upstream's pkg/kubelet/events/resize.go writes it. */
function summary(prefix: string, pod: Pod, generation: number | undefined, error?: string): string {
  const of = (list: Pod["spec"]["containers"] | undefined): object[] | undefined =>
    list?.length ? list.map((c) => ({ name: c.name, resources: c.resources ?? {} })) : undefined;
  return `${prefix}: ${JSON.stringify({ initContainers: of(pod.spec.initContainers), containers: of(pod.spec.containers), generation: generation ?? 0, ...(error ? { error } : {}) })}`;
}

/** Undefined for a pod that is new, and for a file that cannot be read: then the spec holds, and is applied once more. */
function readState(file: string): State | undefined {
  try {
    const state = JSON.parse(readFileSync(file, "utf8")) as Partial<State> | null;
    return isMap(state?.allocated?.containers) && isMap(state?.actuated?.containers) ? (state as State) : undefined;
  } catch {
    return undefined;
  }
}
