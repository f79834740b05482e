/** Stops containers and pods gracefully (upstream's kuberuntime_container.go killContainer). */
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { CriError } from "../cri/client.ts";
import type { KillReason } from "./actions.ts";
import { runHook } from "./hooks.ts";
import { findSpec, isSidecar } from "./pod.ts";
import type { PodEvents } from "./pod-events.ts";
import type { Runtime } from "./runtime.ts";
import type { ContainerRecord, RuntimePod } from "./runtime-pod.ts";

export interface KillerOptions {
  runtime: Runtime;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
}

/** Seconds that every container gets, so that none is killed without having been asked. */
const minimumGrace = 2;

function graceOf(pod: Pod, container: Container | undefined, reason: KillReason): number {
  if (pod.metadata.deletionGracePeriodSeconds !== undefined) return pod.metadata.deletionGracePeriodSeconds;
  const probe = reason === "LivenessProbe" ? container?.livenessProbe : reason === "StartupProbe" ? container?.startupProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? minimumGrace;
}

export class Killer {
  readonly #options: KillerOptions;
  constructor(options: KillerOptions) {
    this.#options = options;
  }
  /**
   * Runs the preStop hook and stops the container; both share the grace period. `turn` is waited for in between. Rejects
   * when the runtime could not stop it.
   */
  async container(
    pod: Pod,
    record: ContainerRecord,
    message: string,
    reason: KillReason,
    options: { grace?: number; podIP?: string; signal: AbortSignal; turn?: Promise<unknown> },
  ): Promise<void> {
    const { runtime, clock, events } = this.#options;
    const spec = findSpec(pod, record.name);
    let grace = options.grace ?? graceOf(pod, spec, reason);
    if (spec) events.container(pod, spec, "Normal", "Killing", message || `Stopping container ${record.name}`);
    const began = clock.monotonic();
    const preStop = spec?.lifecycle?.preStop;
    const bounded = <T>(work: Promise<T>): Promise<unknown> => {
      const timer = new AbortController();
      const left = Math.max(0, grace * 1000 - (clock.monotonic() - began));
      return Promise.race([work, clock.sleep(left, timer.signal).catch(() => undefined)]).finally(() => timer.abort());
    };
    if (spec && preStop && grace > 0) await bounded(this.#preStop(pod, spec, record, preStop, options.podIP ?? "", grace, options.signal));
    if (options.turn && grace > 0) await bounded(options.turn);
    grace = Math.max(minimumGrace, Math.ceil(grace - (clock.monotonic() - began) / 1000));
    options.signal.throwIfAborted();
    try {
      await runtime.cri.call("StopContainer", { containerId: record.id, timeout: grace }, { timeout: grace * 1000 + 120_000, signal: options.signal });
    } catch (error) {
      if (!(error instanceof CriError && error.notFound)) throw error;
    }
  }
  async #preStop(
    pod: Pod,
    spec: Container,
    record: ContainerRecord,
    hook: NonNullable<NonNullable<Container["lifecycle"]>["preStop"]>,
    podIP: string,
    grace: number,
    outer: AbortSignal,
  ): Promise<void> {
    const { runtime, clock, events, logger } = this.#options;
    const limit = new AbortController();
    const timer = clock.after(grace * 1000, () => limit.abort(new Error("the grace period is over")));
    try {
      await runHook({ cri: runtime.cri, clock, podIP, signal: AbortSignal.any([outer, limit.signal]) }, pod, spec, record.id, hook);
    } catch (error) {
      outer.throwIfAborted();
      logger.info("preStop hook failed", { pod: pod.metadata.name, container: spec.name, error });
      // The message may hold secrets of the container: it stays out of the event.
      events.container(pod, spec, "Warning", "FailedPreStopHook", "PreStopHook failed");
    } finally {
      timer.cancel();
    }
  }
  /** Stops what runs of the pod, sidecars after the others and in reverse order, then its sandboxes. Rejects if anything was left running. */
  async pod(pod: Pod, state: RuntimePod, options: { grace?: number; signal: AbortSignal }): Promise<void> {
    const { runtime } = this.#options;
    const podIP = state.sandboxes[0]?.ips[0] ?? "";
    const live = state.containers.filter((c) => c.state === "running" || c.state === "unknown");
    const position = new Map((pod.spec.initContainers ?? []).filter(isSidecar).map((c, i) => [c.name, i]));
    const ended: { order: number; done: Promise<unknown> }[] = [];
    // Ordinary containers first (-1 waits for nobody), then sidecars from the last to the first.
    const ordered = live.map((record) => ({ record, order: position.get(record.name) ?? Number.POSITIVE_INFINITY })).sort((a, b) => b.order - a.order);
    for (const { record, order } of ordered) {
      const before = ended.filter((e) => e.order > order).map((e) => e.done);
      const done = this.container(pod, record, "", "", { ...options, podIP, ...(before.length ? { turn: Promise.allSettled(before) } : {}) });
      ended.push({ order, done });
    }
    const results = await Promise.allSettled(ended.map((e) => e.done));
    const failed = results.find((r) => r.status === "rejected");
    if (failed) throw failed.reason;
    await Promise.all(
      state.sandboxes.filter((s) => s.ready).map((s) => runtime.cri.call("StopPodSandbox", { podSandboxId: s.id }, { signal: options.signal })),
    );
  }
}
