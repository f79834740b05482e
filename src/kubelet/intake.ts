/**
 * Pods come in here: each is admitted, one after the other, and given to a worker of its own, which hears of every later
 * form of the object (upstream's HandlePodAdditions, HandlePodUpdates and HandlePodRemoves).
 */
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { admit } from "./admission.ts";
import type { KubeletConfig } from "./config.ts";
import type { AdmitContext, Refusal, ResourceManager, Shortage } from "./lifecycle.ts";
import { annotationKeys, isTerminalPhase } from "./pod.ts";
import type { PodEvents } from "./pod-events.ts";
import { PodWorker } from "./pod-worker.ts";
import { infeasibleResize } from "./resize/infeasible.ts";
import type { Postponed } from "./resize/pod-resize.ts";
import { podsToPreempt } from "./preemption.ts";
import type { StatusManager } from "./status-manager.ts";
import type { WorkerServices } from "./worker-services.ts";

export interface IntakeOptions {
  config: KubeletConfig;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  workers: Map<string, PodWorker>;
  services: WorkerServices;
  statuses: StatusManager;
  managers: readonly ResourceManager[];
  /** This node as it is known here; undefined while it is not. */
  node(): Node | undefined;
  /** This node as the API server has it. */
  readNode(): Promise<Node>;
  allocatable: Record<string, string>;
  /** The node with at least as much as it has given to the pod already. */
  withGiven(node: Node, pod: Pod): Node;
  /** Why the node takes no such pod now, whatever room there is. */
  refusal(pod: Pod): Refusal | undefined;
  /** The runtime has something of this pod. */
  knows(uid: string): boolean;
  /** A pod is gone from where it came from, and nothing of it runs. */
  onGone(worker: PodWorker): void;
}

export class Intake {
  readonly #options: IntakeOptions;
  /** Pods that are not yet decided on; the newest form of each. */
  readonly #deciding = new Map<string, Pod>();
  #decisions: Promise<void> = Promise.resolve();
  #ready = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }
  /** What was seen until now was only remembered; these are taken, oldest first, and everything that comes from now on. */
  begin(pods: readonly Pod[]): void {
    this.#ready = true;
    for (const pod of [...pods].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))) this.#take(pod, true, "api");
  }
  /** A pod of this node's own. */
  takeStatic(pod: Pod): void {
    this.#take(pod, true, pod.metadata.annotations?.[annotationKeys.source] ?? "file");
  }
  /** A pod is new, has changed or (without `pod`) is gone from where it came from. */
  observe(old: Pod | undefined, pod: Pod | undefined): void {
    const { workers, statuses, onGone } = this.#options;
    if (pod) {
      statuses.observe(pod);
      const worker = workers.get(pod.metadata.uid);
      if (this.#deciding.has(pod.metadata.uid)) this.#deciding.set(pod.metadata.uid, pod);
      else if (worker) {
        // A change of nothing but the status is our own, but for the conditions that readiness waits for.
        const { generation, deletionTimestamp } = pod.metadata;
        const changed = old?.metadata.generation !== generation || old?.metadata.deletionTimestamp !== deletionTimestamp;
        if (changed || !sameMeta(old, pod) || gates(old) !== gates(pod)) worker.update(pod);
      } else if (this.#ready) this.#take(pod, false, "api");
      return;
    }
    const worker = old && workers.get(old.metadata.uid);
    if (!worker) return;
    if (worker.state === "finished") onGone(worker);
    else worker.orphaned();
  }
  #take(pod: Pod, wasHere: boolean, source: string): void {
    const { workers, services, clock, knows } = this.#options;
    const { uid } = pod.metadata;
    if (workers.has(uid)) return;
    const worker = new PodWorker(services, pod, timestampNano(clock.now()), source, !wasHere && !knows(uid));
    workers.set(uid, worker);
    if (pod.metadata.deletionTimestamp || isTerminalPhase(pod.status?.phase)) {
      worker.update(pod);
      worker.begin();
      return;
    }
    this.#deciding.set(uid, pod);
    this.#next(() => this.#decide(worker, wasHere && knows(uid)));
  }
  #next(decision: () => Promise<void>): void {
    const { logger } = this.#options;
    this.#decisions = this.#decisions.then(decision).catch((error: unknown) => logger.error("could not decide whether to take a pod", { error }));
  }
  /** `fresh`: what the API server said of this node when it was asked for this pod. */
  async #decide(worker: PodWorker, adopted: boolean, fresh?: Node | "unknown"): Promise<void> {
    const { workers, logger, readNode } = this.#options;
    const { uid } = worker.pod.metadata;
    let refusal: Refusal | undefined;
    if (worker.state === "syncing") {
      const others = [...workers.values()].filter((w) => w.active && !this.#deciding.has(w.pod.metadata.uid)).map((w) => w.pod);
      const node = fresh && fresh !== "unknown" ? fresh : this.#options.node();
      if (!adopted && node) refusal = this.#options.refusal(worker.pod);
      // What upstream sets aside before it looks at the rest: the reason of a refusal tells.
      if (!fresh) refusal ??= await this.#setAside(worker.pod, { others, adopted });
      if (!adopted && node) refusal ??= this.#admit(worker.pod, node, others);
      if (refusal?.shortages) refusal = await this.#makeRoom(worker.pod, others, refusal.shortages);
      if (refusal?.reason === "NodeAffinity" && !fresh) {
        // The label that the pod asks for may have come a moment ago: the API server knows.
        void readNode()
          .catch((error: unknown) => {
            logger.warn("could not read the node for the admission of a pod", { error });
            return "unknown" as const;
          })
          .then((answer) => this.#next(() => this.#decide(worker, adopted, answer)));
        return;
      }
    }
    const newest = this.#deciding.get(uid) as Pod;
    this.#deciding.delete(uid);
    if (worker.state === "syncing") {
      if (refusal) {
        worker.reject(refusal);
      } else worker.update(newest);
    }
    worker.begin();
  }
  /** Others end for a critical pod. Resolves when what they had is free, or they have had their time. */
  async #makeRoom(pod: Pod, others: readonly Pod[], shortages: readonly Shortage[]): Promise<Refusal | undefined> {
    const { workers, events, clock } = this.#options;
    let victims: PodWorker[];
    try {
      victims = podsToPreempt(pod, others, shortages).flatMap((one) => workers.get(one.metadata.uid) ?? []);
    } catch (error) {
      const why = `preemption: error finding a set of pods to preempt: ${(error as Error).message}`;
      return { reason: "UnexpectedAdmissionError", message: `Unexpected error while attempting to recover from admission failure: ${why}` };
    }
    for (const victim of victims) {
      events.pod(victim.pod, "Warning", "Preempting", preempted);
      victim.fail({ phase: "Failed", reason: "Preempting", message: preempted, disruption: "Pod was preempted by Kubelet to accommodate a critical pod." });
    }
    const longest = Math.max(0, ...victims.map((victim) => victim.pod.spec.terminationGracePeriodSeconds ?? 30));
    const until = clock.monotonic() + Math.max(10_000, longest * 1500);
    while (victims.some((victim) => victim.active) && clock.monotonic() < until) await clock.sleep(roomPoll);
    return undefined;
  }
  async #setAside(pod: Pod, context: AdmitContext): Promise<Refusal | undefined> {
    for (const manager of this.#options.managers) {
      try {
        const refusal = await manager.admit(pod, context);
        if (refusal) return refusal;
      } catch (error) {
        return { reason: "UnexpectedAdmissionError", message: `Allocate failed due to ${(error as Error).message}, which is unexpected` };
      }
    }
    return undefined;
  }
  #admit(pod: Pod, node: Node, others: readonly Pod[]): Refusal | undefined {
    return admit(pod, this.#options.withGiven(node, pod), others, this.#options.allocatable, this.#options.config.allowedUnsafeSysctls);
  }
  /** Why a pod that is here cannot have what it asks for now. Others have what they were given, not what they ask for. */
  roomFor(uid: string): Postponed | undefined {
    const { workers, config } = this.#options;
    const node = this.#options.node();
    const worker = workers.get(uid);
    const never = worker && infeasibleResize(worker.pod, worker.desired, config);
    if (never) return { message: never, infeasible: true };
    const others = [...workers.values()].filter((w) => w.active && w !== worker).map((w) => w.pod);
    return node && worker && this.#admit(worker.desired, node, others);
  }
}

const preempted = "Preempted in order to admit critical pod";
/** Milliseconds. */
const roomPoll = 100;

/** RFC 3339 with nanoseconds, as the runtime and upstream's annotations have it. */
const timestampNano = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}.${String(Math.floor((ms % 1000) * 1e6)).padStart(9, "0")}Z`;

/** What others say of the pod's readiness (KEP-580). */
const gates = (pod: Pod | undefined): string =>
  (pod?.spec.readinessGates ?? []).map(({ conditionType }) => pod?.status?.conditions?.find((one) => one.type === conditionType)?.status ?? "").join();

function sameMeta(a: Pod | undefined, b: Pod): boolean {
  return JSON.stringify([a?.metadata.labels, a?.metadata.annotations, a?.spec]) === JSON.stringify([b.metadata.labels, b.metadata.annotations, b.spec]);
}
