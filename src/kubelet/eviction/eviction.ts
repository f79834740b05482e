/**
 * Keeps the node alive: when it runs short of memory, disk, inodes or process ids, unused images go first and then pods, one
 * at a time, in upstream's order (pkg/kubelet/eviction/eviction_manager.go). Pods that use more disk than they said go, too.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { tolerates } from "../admission.ts";
import type { Refusal } from "../lifecycle.ts";
import { isCritical, qosClass } from "../pod.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Verdict } from "../pod-status.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import { brokenDiskLimit, evictionMessage, limitsDisk, type PodUsage, rankPods } from "./rank.ts";
import { byPriority, type Observations, type Pressure, pressures, starved, type Threshold, thresholdsMet } from "./thresholds.ts";
import type { Measured } from "./usage.ts";

/** A pod that this node runs. */
export interface EvictablePod {
  readonly pod: Pod;
  readonly runtimePod: RuntimePod;
  readonly state: string;
  fail(verdict: Verdict, graceSeconds: number): void;
}

export interface EvictionOptions {
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  thresholds: readonly Threshold[];
  /** Milliseconds for which a condition holds after it was last seen. */
  transitionPeriod: number;
  /** Seconds that pods have at most to end when a soft threshold is met. */
  maxPodGrace: number;
  observe(): Promise<Observations>;
  usage(pods: readonly Measured[]): Promise<ReadonlyMap<string, PodUsage>>;
  directory(uid: string): string;
  /** Those that have something running. */
  pods(): EvictablePod[];
  /** Makes room on the disks without touching a pod. */
  reclaim(): Promise<void>;
  /** The node's conditions are others than before. */
  onChange(): void;
  signal: AbortSignal;
}

/** Milliseconds between two looks, and the longest that is waited for a pod that was evicted to be gone. */
const interval = 10_000;
const cleanupTimeout = 30_000;
const cleanupPoll = 1000;
/** Seconds. */
const immediately = 1;
const memoryPressure = { key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule" };

export class Eviction {
  readonly #options: EvictionOptions;
  readonly #seen = new Map<Pressure, number>();
  /** Since when a threshold is met; monotonic milliseconds, which no change of the clock moves. */
  #since = new Map<Threshold, number>();
  /** Those that pods had to go for, until what they reclaim at least is there. */
  #acting: readonly Threshold[] = [];
  #pressures = new Set<Pressure>();
  constructor(options: EvictionOptions) {
    this.#options = options;
  }
  /** What the node is short of. */
  get pressures(): ReadonlySet<Pressure> {
    return this.#pressures;
  }
  /** Whether the node takes one more pod in the state that it is in. */
  admit(pod: Pod): Refusal | undefined {
    if (this.#pressures.size === 0 || isCritical(pod)) return undefined;
    if (this.#pressures.size === 1 && this.#pressures.has("MemoryPressure"))
      if (qosClass(pod) !== "BestEffort" || tolerates(pod.spec.tolerations ?? [], memoryPressure)) return undefined;
    return { reason: "Evicted", message: `The node had condition: [${[...this.#pressures].join(" ")}]. ` };
  }
  /** Looks once, without consequences for pods: the first report of the node says how it is. Gives the thresholds that pods have to go for. */
  async look(): Promise<{ met: Threshold[]; observations: Observations }> {
    const { thresholds, clock, transitionPeriod } = this.#options;
    const observations = await this.#options.observe();
    const now = clock.monotonic();
    const unresolved = thresholdsMet(this.#acting, observations, true);
    const seen = new Set([...thresholdsMet(thresholds, observations), ...unresolved]);
    this.#since = new Map([...seen].map((threshold) => [threshold, this.#since.get(threshold) ?? now]));
    const before = [...this.#pressures].sort().join();
    this.#pressures = pressures([...seen], this.#seen, now, transitionPeriod);
    if ([...this.#pressures].sort().join() !== before) this.#options.onChange();
    const met = thresholds.filter((t) => now - (this.#since.get(t) ?? Number.POSITIVE_INFINITY) >= (t.gracePeriod ?? 0));
    this.#acting = met;
    return { met: byPriority(met), observations };
  }
  /** Goes on in the background. */
  start(): void {
    const { clock, signal, logger } = this.#options;
    const next = (delay: number): void => {
      clock.after(delay, () => {
        if (signal.aborted) return;
        this.turn()
          .then((evicted) => (evicted ? this.#gone(evicted).then(() => 0) : interval))
          .catch((error: unknown) => {
            if (!signal.aborted) logger.warn("could not look after the node's resources", { error });
            return interval;
          })
          .then(next, () => {});
      });
    };
    next(interval);
  }
  /** Looks, and evicts at most one pod for what the node is short of; gives the pods that were evicted. */
  async turn(): Promise<EvictablePod[] | undefined> {
    const { met, observations } = await this.look();
    const running = this.#options.pods();
    const limited = await this.#evictThoseAboveTheirLimits(running);
    if (limited.length) return limited;
    const [threshold] = met;
    if (!threshold) return undefined;
    const resource = starved(threshold);
    this.#options.events.node("Warning", "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
    const onDisk = resource === "ephemeral-storage" || resource === "inodes";
    if (onDisk) {
      await this.#reclaim();
      if (thresholdsMet(this.#options.thresholds, await this.#options.observe(), true).length === 0) return undefined;
    }
    const usage = await this.#measure(running, () => onDisk);
    const ranked = rankPods(
      running.map((p) => p.pod),
      resource,
      (pod) => usage.get(pod.metadata.uid),
    );
    for (const pod of ranked) {
      const victim = running.find((p) => p.pod === pod) as EvictablePod;
      const message = evictionMessage(pod, resource, met, observations, usage.get(pod.metadata.uid));
      if (this.#evict(victim, message, true, this.#grace(threshold, pod))) return [victim];
    }
    return undefined;
  }
  async #evictThoseAboveTheirLimits(running: readonly EvictablePod[]): Promise<EvictablePod[]> {
    const limited = running.filter(({ pod }) => limitsDisk(pod));
    const usage = await this.#measure(limited, () => true);
    return limited.filter((victim) => {
      const of = usage.get(victim.pod.metadata.uid);
      const message = of && brokenDiskLimit(victim.pod, of);
      return message !== undefined && this.#evict(victim, message, false, immediately);
    });
  }
  #measure(running: readonly EvictablePod[], disk: () => boolean): Promise<ReadonlyMap<string, PodUsage>> {
    const { usage, directory } = this.#options;
    return usage(running.map(({ pod, runtimePod }) => ({ pod, runtime: runtimePod, directory: directory(pod.metadata.uid), disk: disk() })));
  }
  async #reclaim(): Promise<void> {
    try {
      await this.#options.reclaim();
    } catch (error) {
      this.#options.logger.warn("could not make room on the disk", { error });
    }
  }
  #grace({ gracePeriod }: Threshold, { spec }: Pod): number {
    const { maxPodGrace } = this.#options;
    return gracePeriod === undefined ? immediately : Math.max(immediately, Math.min(maxPodGrace, spec.terminationGracePeriodSeconds ?? maxPodGrace));
  }
  #evict(victim: EvictablePod, message: string, disruption: boolean, grace: number): boolean {
    const { pod } = victim;
    if (isCritical(pod)) return false;
    this.#options.events.pod(pod, "Warning", "Evicted", message);
    victim.fail({ phase: "Failed", reason: "Evicted", message, ...(disruption ? { disruption } : {}) }, grace);
    return true;
  }
  /** Until what was evicted is gone, another look would see what is already given back. */
  async #gone(evicted: readonly EvictablePod[]): Promise<void> {
    const { clock, signal } = this.#options;
    for (let waited = 0; waited < cleanupTimeout && evicted.some((p) => p.state !== "finished"); waited += cleanupPoll) await clock.sleep(cleanupPoll, signal);
  }
}
