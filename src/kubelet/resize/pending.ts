/** Resizes that wait for room on the node, in the order in which they get it (upstream's allocation_manager.go). */
import { podRequests } from "../../api/core/pod-resources.ts";
import { quantityToMilli } from "../../api/quantity.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";

export interface PendingPod {
  /** As its spec asks. */
  readonly desired: Pod;
  /** With the resources that it has. */
  readonly pod: Pod;
  /** RFC 3339, since when it waits. */
  readonly pendingSince: string | undefined;
  readonly qos: string;
  /** Takes what is asked for, if there is room; false: it goes on waiting. */
  tryResize(): boolean;
}

const retryDelay = 180_000;

export class PendingResizes {
  readonly #pods = new Map<string, PendingPod>();
  readonly #clock: Clock;
  #timer: Timer | undefined;
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  add(pod: PendingPod): void {
    this.#pods.set(pod.pod.metadata.uid, pod);
  }
  remove(uid: string): void {
    this.#pods.delete(uid);
  }
  /** To be called when room may have come up. */
  retry(): void {
    this.#timer?.cancel();
    for (const pod of [...this.#pods.values()].sort(inOrder)) if (pod.tryResize()) this.#pods.delete(pod.pod.metadata.uid);
    if (this.#pods.size) this.#timer = this.#clock.after(retryDelay, () => this.retry());
  }
  close(): void {
    this.#timer?.cancel();
  }
}

/** What needs no more than before, then the higher priority, then guaranteed pods, then who has waited longest. */
export function inOrder(a: PendingPod, b: PendingPod): number {
  return (
    Number(grows(a)) - Number(grows(b)) ||
    (b.desired.spec.priority ?? 0) - (a.desired.spec.priority ?? 0) ||
    Number(b.qos === "Guaranteed") - Number(a.qos === "Guaranteed") ||
    since(a) - since(b)
  );
}

const since = ({ pendingSince }: PendingPod): number => (pendingSince ? Date.parse(pendingSince) : Number.MAX_SAFE_INTEGER);

function grows({ desired, pod }: PendingPod): boolean {
  const [wanted, has] = [podRequests(desired.spec), podRequests(pod.spec)];
  return ["cpu", "memory"].some((name) => quantityToMilli(String(wanted[name] ?? 0)) > quantityToMilli(String(has[name] ?? 0)));
}
