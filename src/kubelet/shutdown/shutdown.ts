/**
 * Ends the node's pods before the machine goes down, the less important ones first, while the machine's shutdown is held up
 * (KEP-2000, KEP-2712; upstream's pkg/kubelet/nodeshutdown). From then on no pod is taken and the node is not ready.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { ShutdownInhibitor } from "../../linux/logind.ts";
import type { Refusal } from "../lifecycle.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Verdict } from "../pod-status.ts";
import { type ShutdownGroup, type ShutdownPeriod, shutdownGrace, shutdownGroups } from "./plan.ts";

export interface EndingPod {
  readonly pod: Pod;
  readonly state: string;
  fail(verdict: Verdict, graceSeconds: number): void;
}

export interface NodeShutdownOptions {
  /** From the lowest priority to the highest. */
  periods: readonly ShutdownPeriod[];
  inhibitor: ShutdownInhibitor;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  signal: AbortSignal;
  /** Those that are not over. */
  pods(): readonly EndingPod[];
  /** The node has begun to shut down, or goes on after all. */
  onChange(): void;
}

const message = "Pod was terminated in response to imminent node shutdown.";
const verdict: Verdict = { phase: "Failed", reason: "Terminated", message, disruption: true };
/** Milliseconds. */
const poll = 200;
const reconnect = 1000;

export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  #shuttingDown = false;
  #hold: Disposable | undefined;
  constructor(options: NodeShutdownOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#release(), { once: true });
  }
  /** Why the node is not ready; undefined while it is not shut down. */
  get problem(): string | undefined {
    return this.#shuttingDown ? "node is shutting down" : undefined;
  }
  admit(): Refusal | undefined {
    return this.#shuttingDown ? { reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." } : undefined;
  }
  /** Goes on in the background until the signal. Where the machine's shutdown cannot be held up, that is told and nothing acts. */
  start(): void {
    if (this.#options.periods.length) void this.#run();
  }
  async #run(): Promise<void> {
    const { logger, signal, clock } = this.#options;
    for (let first = true; !signal.aborted; first = false) {
      try {
        await this.#watch();
        logger.warn("the watch for the machine's shutdown ended");
      } catch (error) {
        if (signal.aborted) return;
        logger.error(first ? "Failed to start node shutdown manager" : "Unable to watch the node for shutdown events", { error });
        if (first) return;
      }
      await clock.sleep(reconnect, signal).catch(() => undefined);
    }
  }
  async #watch(): Promise<void> {
    const { inhibitor, periods, signal, events, onChange } = this.#options;
    await inhibitor.allow(periods.reduce((sum, period) => sum + period.shutdownGracePeriodSeconds, 0));
    await this.#acquire();
    for await (const begins of inhibitor.watch(signal)) {
      events.node("Normal", "NodeShutdown", `Shutdown manager detected shutdown ${begins ? "event" : "cancellation"}`);
      this.#shuttingDown = begins;
      onChange();
      if (begins) {
        await this.endPods();
        this.#release();
      } else await this.#acquire();
    }
  }
  async #acquire(): Promise<void> {
    const before = this.#hold;
    this.#hold = await this.#options.inhibitor.hold();
    before?.[Symbol.dispose]();
    if (this.#options.signal.aborted) this.#release();
  }
  #release(): void {
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
  }
  /** Resolves when all have ended, or have had their time. */
  async endPods(): Promise<void> {
    const { periods, pods } = this.#options;
    for (const group of shutdownGroups(periods, pods())) if (group.pods.length) await this.#end(group);
  }
  async #end(group: ShutdownGroup<EndingPod>): Promise<void> {
    const { clock, signal, logger } = this.#options;
    for (const one of group.pods) one.fail(verdict, shutdownGrace(group, one.pod));
    const until = clock.monotonic() + group.shutdownGracePeriodSeconds * 1000;
    while (group.pods.some((one) => one.state !== "finished")) {
      if (clock.monotonic() >= until) {
        logger.warn("pods did not end in the time that the node's shutdown leaves them", { priority: group.priority });
        return;
      }
      await clock.sleep(poll, signal);
    }
  }
}
