/**
 * Pods that want a node (k8s.io/kubernetes/pkg/scheduler/backend/queue): those to be tried now, by priority and then by age;
 * those that wait out a back-off; those that no node fitted, until an event may have changed that; those held back by
 * gates. A pod that was taken belongs to the caller until it is given back or done. A decision waits for nothing, so no event
 * comes between taking a pod and giving it back as unschedulable; one whose binding fails is tried again in any case.
 */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { Heap } from "../base/heap.ts";
import { action, type ClusterEvent, labelOf } from "./framework/events.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { extenderName } from "./extender.ts";
import type { Plugin, WakeRule } from "./framework/plugin.ts";
import { type PodInfo, podInfoOf } from "./framework/pod-info.ts";

export interface QueuedPod {
  info: PodInfo;
  /** Milliseconds, monotonic: since when it has been waiting in its present place. */
  since: number;
  /** Milliseconds, monotonic: when it was first tried. */
  firstTried: number | undefined;
  attempts: number;
  /** Tries that ended without a node, and in a row with an error: they make back-offs longer. */
  unschedulable: number;
  errors: number;
  /** Plugins whose refusal an event must undo. Empty: any event wakes the pod. */
  plugins: ReadonlySet<string>;
  place: "active" | "backoff" | "unschedulable" | "gated" | "taken";
  /** Entries of heaps with another number are stale. */
  turn: number;
}

export interface QueueOptions {
  clock: Clock;
  cluster: ClusterView;
  plugins(pod: Pod): readonly Plugin[];
  /** Milliseconds. @default 1000 */
  initialBackoff?: number;
  /** Milliseconds. @default 10000 */
  maxBackoff?: number;
  /** Milliseconds after which a pod is tried again although nothing happened. @default 300000 */
  maxUnschedulable?: number;
  /** Told of each pod that comes to a queue, and why: an event's label, or what the queue itself did. */
  incoming?(queue: "active" | "backoff" | "unschedulable", why: string): void;
}

interface Entry {
  readonly queued: QueuedPod;
  readonly turn: number;
  /** Only in the back-off heaps. */
  readonly until: number;
}

const failedAttempt = "ScheduleAttemptFailure";
const updated: ClusterEvent = { source: "TargetPod", actions: action.updateOther };

export class SchedulingQueue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<Entry>(before);
  /** Both by the end of the back-off; those after errors are never taken early. */
  readonly #backoff = new Heap<Entry>((a, b) => a.until < b.until);
  readonly #errorBackoff = new Heap<Entry>((a, b) => a.until < b.until);
  readonly #unschedulable = new Set<QueuedPod>();
  /** Whether an event would have woken the pod. */
  readonly #held = new Map<string, boolean>();
  readonly #rules = new Map<readonly Plugin[], Map<string, ReadonlyMap<string, readonly WakeRule[]>>>();
  /** The last answer: one event is asked about for all pods. */
  #asked: { plugins: readonly Plugin[]; source: string; actions: number; rules: ReadonlyMap<string, readonly WakeRule[]> } = {
    plugins: [],
    source: "",
    actions: 0,
    rules: new Map(),
  };
  #wake: (() => void) | undefined;
  #nudged = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  counts(): Record<QueuedPod["place"], number> {
    const counts = { active: 0, backoff: 0, unschedulable: 0, gated: 0, taken: 0 };
    for (const { place } of this.#pods.values()) counts[place]++;
    return counts;
  }
  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid);
  }

  add(pod: Pod): void {
    const info = podInfoOf(pod);
    const since = this.#clock.monotonic();
    const queued: QueuedPod = {
      info,
      since,
      firstTried: undefined,
      attempts: 0,
      unschedulable: 0,
      errors: 0,
      plugins: new Set(),
      place: "gated",
      turn: 0,
    };
    this.#pods.set(info.uid, queued);
    this.#admit(queued, "UnschedulablePodAdd");
  }

  /** To the active pods, unless a gate holds it back. */
  #admit(queued: QueuedPod, why: string): void {
    this.#leave(queued);
    for (const plugin of this.#options.plugins(queued.info.pod)) {
      const held = plugin.preEnqueue?.(queued.info.pod, this.#options.cluster);
      if (!held) continue;
      queued.place = "gated";
      queued.plugins = new Set([held.plugin]);
      this.#unschedulable.add(queued);
      this.#options.incoming?.("unschedulable", why);
      return;
    }
    this.#options.incoming?.("active", why);
    queued.place = "active";
    this.#active.push({ queued, turn: queued.turn, until: 0 });
    this.#nudge();
  }

  /** The pod itself has changed. */
  update(old: Pod, pod: Pod, events: readonly ClusterEvent[]): void {
    const queued = this.#pods.get(pod.metadata.uid);
    if (!queued) {
      this.add(pod);
      return;
    }
    const { priority } = queued.info;
    queued.info = podInfoOf(pod);
    if (queued.place === "active") {
      if (queued.info.priority !== priority) this.#admit(queued, "UnschedulablePodUpdate");
    } else if (queued.place === "unschedulable" || queued.place === "gated") {
      // A change that no plugin knows by name may still matter to one that was never asked.
      const changed = old.metadata.generation !== pod.metadata.generation;
      const event = events.find((one) => this.#wakes(queued, one));
      if (event || (queued.place === "unschedulable" && queued.plugins.size === 0 && changed)) this.#requeue(queued, labelOf(event ?? updated));
    }
  }

  delete(uid: string): void {
    const queued = this.#pods.get(uid);
    if (!queued) return;
    this.#leave(queued);
    this.#pods.delete(uid);
  }

  #leave(queued: QueuedPod): void {
    queued.turn++;
    this.#unschedulable.delete(queued);
  }

  /** The pod to try next; undefined when none is due. It belongs to the caller until `done`, `failed` or `retry`. */
  take(): QueuedPod | undefined {
    this.#flushBackoff();
    let queued = fresh(this.#active);
    if (!queued) {
      queued = fresh(this.#backoff);
      if (!queued) return undefined;
      this.#options.incoming?.("active", "PopFromBackoffQ");
    }
    this.#leave(queued);
    queued.place = "taken";
    queued.attempts++;
    queued.firstTried ??= this.#clock.monotonic();
    return queued;
  }

  /** It has its node, or is no longer wanted. */
  done(queued: QueuedPod): void {
    if (this.#pods.get(queued.info.uid) === queued) this.#pods.delete(queued.info.uid);
  }

  /** No node fits: waits for an event that those plugins care about. */
  unschedulable(queued: QueuedPod, plugins: ReadonlySet<string>): void {
    if (!this.#giveBack(queued)) return;
    queued.plugins = plugins;
    queued.unschedulable++;
    queued.errors = 0;
    queued.place = "unschedulable";
    this.#unschedulable.add(queued);
    this.#options.incoming?.("unschedulable", failedAttempt);
  }

  /** Something went wrong that has nothing to do with the pod: tried again after a back-off. */
  retry(queued: QueuedPod): void {
    if (!this.#giveBack(queued)) return;
    queued.errors++;
    queued.plugins = new Set();
    this.#requeue(queued, failedAttempt);
  }

  #giveBack(queued: QueuedPod): boolean {
    if (this.#pods.get(queued.info.uid) !== queued) return false;
    queued.since = this.#clock.monotonic();
    return true;
  }

  /** Wakes the pods that the event may help. `only` narrows them down. */
  move(event: ClusterEvent, only?: (pod: PodInfo) => boolean): void {
    const woken: QueuedPod[] = [];
    for (const queued of this.#unschedulable) if ((!only || only(queued.info)) && this.#wakes(queued, event)) woken.push(queued);
    for (const queued of woken) this.#requeue(queued, labelOf(event));
  }

  /** Events leave the pod where it is, until it is released. */
  hold(uid: string): void {
    this.#held.set(uid, false);
  }

  /** `wake`: try it again whatever has happened. */
  release(uid: string, wake: boolean): void {
    const missed = this.#held.get(uid) ?? false;
    this.#held.delete(uid);
    const queued = this.#pods.get(uid);
    if (queued && (missed || wake) && (queued.place === "unschedulable" || queued.place === "gated")) this.#requeue(queued, "ForceActivate");
  }

  /** Tries pods again that have waited long although nothing happened. Call it every half minute. */
  flushUnschedulable(): void {
    const limit = this.#clock.monotonic() - (this.#options.maxUnschedulable ?? 300_000);
    for (const queued of [...this.#unschedulable]) if (queued.place === "unschedulable" && queued.since < limit) this.#requeue(queued, "UnschedulableTimeout");
  }

  #wakes(queued: QueuedPod, event: ClusterEvent): boolean {
    if (queued.plugins.size === 0 || queued.plugins.has(extenderName)) return true;
    const { pod } = queued.info;
    const rules = this.#rulesFor(this.#options.plugins(pod), event);
    if (!rules.size) return false;
    for (const plugin of queued.plugins) {
      for (const { hint } of rules.get(plugin) ?? []) if (!hint || this.#mayHelp(hint, pod, event)) return true;
    }
    return false;
  }

  /** A hint that fails is no reason to let the pod wait. */
  #mayHelp(hint: NonNullable<WakeRule["hint"]>, pod: Pod, event: ClusterEvent): boolean {
    try {
      return hint(pod, event, this.#options.cluster);
    } catch {
      return true;
    }
  }

  /** By plugin, those that such an event concerns: thousands of pods are asked about each event, and most have none. */
  #rulesFor(plugins: readonly Plugin[], { source, actions }: ClusterEvent): ReadonlyMap<string, readonly WakeRule[]> {
    if (plugins === this.#asked.plugins && source === this.#asked.source && actions === this.#asked.actions) return this.#asked.rules;
    let known = this.#rules.get(plugins);
    if (!known) {
      known = new Map();
      this.#rules.set(plugins, known);
    }
    const key = `${source} ${actions}`;
    let rules = known.get(key);
    if (!rules) {
      const concerned = plugins.map(
        ({ name, wakes = [] }) => [name, wakes.filter((rule) => rule.source === source && (rule.actions & actions) !== 0)] as const,
      );
      rules = new Map(concerned.filter(([, list]) => list.length));
      known.set(key, rules);
    }
    this.#asked = { plugins, source, actions, rules };
    return rules;
  }

  #backoffOf({ unschedulable, errors }: QueuedPod): number {
    const { initialBackoff = 1000, maxBackoff = 10_000 } = this.#options;
    const times = errors > 0 ? errors : unschedulable;
    return times === 0 ? 0 : Math.min(initialBackoff * 2 ** Math.min(times - 1, 30), maxBackoff);
  }

  #requeue(queued: QueuedPod, why: string): void {
    if (this.#held.has(queued.info.uid)) {
      this.#held.set(queued.info.uid, true);
      queued.place = "unschedulable";
      this.#unschedulable.add(queued);
      return;
    }
    const until = queued.since + this.#backoffOf(queued);
    if (queued.place === "gated" || until <= this.#clock.monotonic()) {
      this.#admit(queued, why);
      return;
    }
    this.#leave(queued);
    queued.place = "backoff";
    this.#options.incoming?.("backoff", why);
    (queued.errors > 0 ? this.#errorBackoff : this.#backoff).push({ queued, turn: queued.turn, until });
    this.#nudge();
  }

  #flushBackoff(): void {
    const now = this.#clock.monotonic();
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (let entry = heap.peek(); entry && (entry.turn !== entry.queued.turn || entry.until <= now); entry = heap.peek()) {
        heap.pop();
        if (entry.turn === entry.queued.turn) this.#admit(entry.queued, "BackoffComplete");
      }
    }
  }

  /** When the next back-off after an error ends, milliseconds, monotonic. */
  get nextDue(): number | undefined {
    return this.#errorBackoff.peek()?.until;
  }

  #nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  /** Resolves when there may be something to take again. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const due = this.nextDue;
      const timer = due === undefined ? undefined : this.#clock.after(Math.max(0, due - this.#clock.monotonic()), () => this.#wake?.());
      const end = (): void => {
        this.#wake = undefined;
        this.#nudged = false;
        timer?.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      if (signal.aborted || this.#nudged) return end();
      signal.addEventListener("abort", end);
      this.#wake = end;
    });
  }
}

function before(a: Entry, b: Entry): boolean {
  const [x, y] = [a.queued, b.queued];
  return x.info.priority !== y.info.priority ? x.info.priority > y.info.priority : x.since < y.since;
}

function fresh(heap: Heap<Entry>): QueuedPod | undefined {
  for (let entry = heap.pop(); entry; entry = heap.pop()) if (entry.turn === entry.queued.turn) return entry.queued;
  return undefined;
}
