/** Probes of the node's containers: one worker for each probe of each container (upstream's pkg/kubelet/prober). */
import type { Container, Pod, PodStatus, Probe } from "../../api/types/core-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { CriClient } from "../../cri/client.ts";
import type { ProbeKind, ProbeResults } from "../actions.ts";
import { findStatus, isSidecar, isTerminalPhase, shouldRestartAfter } from "../pod.ts";
import type { PodEvents } from "../pod-events.ts";
import type { ProbeMetrics, ProbeOutcome } from "../stats/probe-metrics.ts";
import { runProbe } from "./run-probe.ts";

export interface ProbeManagerOptions {
  cri: CriClient;
  clock: Clock;
  random: Random;
  logger: Logger;
  events: PodEvents;
  /** The status that the kubelet last decided on. */
  status(uid: string): PodStatus | undefined;
  /** How often and how long. */
  metrics: ProbeMetrics;
  /** A settled result has changed. */
  onResult(uid: string): void;
}

const kinds: [ProbeKind, "livenessProbe" | "readinessProbe" | "startupProbe"][] = [
  ["startup", "startupProbe"],
  ["readiness", "readinessProbe"],
  ["liveness", "livenessProbe"],
];
const words: Record<ProbeKind, string> = { liveness: "Liveness", readiness: "Readiness", startup: "Startup" };
const retries = 3;

class Worker {
  readonly kind: ProbeKind;
  readonly #options: ProbeManagerOptions;
  readonly #spec: Probe;
  readonly #container: Container;
  #pod: Pod;
  #timer: Timer | undefined;
  #stopped = false;
  #busy = false;
  #again = false;
  #containerId = "";
  /** No probing until there is another container. */
  #onHold = false;
  #last: "success" | "failure" | undefined;
  #run = 0;
  result: "success" | "failure" | undefined;

  constructor(options: ProbeManagerOptions, kind: ProbeKind, pod: Pod, container: Container, spec: Probe, firstDelay: number) {
    this.#options = options;
    this.kind = kind;
    this.#pod = pod;
    this.#container = container;
    this.#spec = spec;
    this.#timer = options.clock.after(firstDelay, () => void this.#tick());
  }
  get containerId(): string {
    return this.#containerId;
  }
  update(pod: Pod): void {
    this.#pod = pod;
  }
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
  /** Probes now instead of at the next tick. */
  trigger(): void {
    if (this.#busy) this.#again = true;
    else {
      this.#timer?.cancel();
      void this.#tick();
    }
  }
  async #tick(): Promise<void> {
    if (this.#stopped || this.#busy) return;
    this.#busy = true;
    let goOn = true;
    try {
      goOn = await this.#step();
    } catch (error) {
      this.#options.logger.error("a probe failed unexpectedly", { error, pod: this.#pod.metadata.name, container: this.#container.name });
    }
    this.#busy = false;
    if (!goOn || this.#stopped) return;
    const delay = this.#again ? 0 : (this.#spec.periodSeconds ?? 10) * 1000;
    this.#again = false;
    this.#timer = this.#options.clock.after(delay, () => void this.#tick());
  }
  #set(result: "success" | "failure"): void {
    if (this.result === result) return;
    this.result = result;
    this.#options.onResult(this.#pod.metadata.uid);
  }
  #adopt(containerId: string, started: boolean | undefined, ready: boolean): void {
    this.#containerId = containerId;
    this.#onHold = false;
    this.#last = undefined;
    this.#run = 0;
    this.result = this.kind === "liveness" ? "success" : this.kind === "readiness" ? (ready ? "success" : "failure") : started ? "success" : undefined;
  }
  /** False: this worker has nothing to do any more. */
  async #step(): Promise<boolean> {
    const status = this.#options.status(this.#pod.metadata.uid);
    if (!status) return true;
    if (isTerminalPhase(status.phase)) return false;
    const { name } = this.#container;
    const found = [findStatus(status.containerStatuses, name), findStatus(status.initContainerStatuses, name)].find((s) => s?.containerID);
    if (!found?.containerID) return true;
    const id = found.containerID.split("://")[1] ?? "";
    if (id !== this.#containerId) this.#adopt(id, found.started, found.ready);
    if (this.#onHold) return true;
    if (!found.state?.running) {
      this.#set("failure");
      const exit = found.state?.terminated;
      return !exit || isSidecar(this.#container) || shouldRestartAfter(this.#container, this.#pod, exit.exitCode);
    }
    if (this.#pod.metadata.deletionTimestamp && this.kind !== "readiness") {
      this.#set("success");
      return false;
    }
    const age = (this.#options.clock.now() - Date.parse(found.state.running.startedAt ?? "")) / 1000;
    if (Math.floor(age) < (this.#spec.initialDelaySeconds ?? 0)) return true;
    if (found.started ? this.kind === "startup" : this.kind !== "startup") return true;
    const result = await this.#probe(status.podIP ?? "");
    if (result === undefined || this.#stopped || id !== this.#containerId) return true;
    this.#count(result);
    return true;
  }
  #count(result: "success" | "failure"): void {
    if (this.#last === result) this.#run++;
    else {
      this.#last = result;
      this.#run = 1;
    }
    const threshold = result === "failure" ? (this.#spec.failureThreshold ?? 3) : (this.#spec.successThreshold ?? 1);
    if (this.#run < threshold) return;
    if ((this.kind === "liveness" && result === "failure") || this.kind === "startup") {
      this.#onHold = true;
      this.#run = 0;
    }
    this.#set(result);
  }
  async #probe(podIP: string): Promise<"success" | "failure" | undefined> {
    const { events, cri, clock, metrics } = this.#options;
    const began = clock.monotonic();
    const done = (outcome: ProbeOutcome): void =>
      metrics.observe(this.#pod, this.#container.name, words[this.kind], outcome, (clock.monotonic() - began) / 1000);
    const target = { cri, clock, container: this.#container, containerId: this.#containerId, podIP };
    let failure: unknown;
    for (let attempt = 0; attempt < retries; attempt++) {
      try {
        const outcome = await runProbe(this.#spec, target);
        if (outcome.result === "failure")
          events.container(this.#pod, this.#container, "Warning", "Unhealthy", `${words[this.kind]} probe failed: ${outcome.output}`);
        else if (outcome.result === "warning")
          events.container(this.#pod, this.#container, "Warning", "ProbeWarning", `${words[this.kind]} probe warning: ${outcome.output}`);
        done(outcome.result === "failure" ? "failed" : "successful");
        return outcome.result === "failure" ? "failure" : "success";
      } catch (error) {
        failure = error;
      }
    }
    done("unknown");
    events.container(
      this.#pod,
      this.#container,
      "Warning",
      "Unhealthy",
      `${words[this.kind]} probe errored and resulted in unknown state: ${(failure as Error).message}`,
    );
    return undefined;
  }
}

export class ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #started: number;
  /** By uid, then by container and kind. */
  readonly #workers = new Map<string, Map<string, Worker>>();

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
    this.#started = options.clock.monotonic();
  }
  readonly results: ProbeResults = (kind, containerId) => {
    for (const workers of this.#workers.values())
      for (const worker of workers.values()) if (worker.kind === kind && worker.containerId === containerId) return worker.result;
    return undefined;
  };
  /** Starts what is missing; probes of running containers that have just been started begin at once. */
  add(pod: Pod): void {
    const { uid } = pod.metadata;
    const workers = this.#workers.get(uid) ?? new Map<string, Worker>();
    this.#workers.set(uid, workers);
    for (const container of [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers])
      for (const [kind, field] of kinds) {
        const spec = container[field];
        const key = `${container.name}/${kind}`;
        if (!spec) continue;
        const known = workers.get(key);
        if (known) known.update(pod);
        else workers.set(key, new Worker(this.#options, kind, pod, container, spec, this.#firstDelay(spec)));
      }
  }
  /** After a restart of the kubelet, probes of many containers are spread over their periods. */
  #firstDelay(spec: Probe): number {
    const period = (spec.periodSeconds ?? 10) * 1000;
    return this.#options.clock.monotonic() - this.#started < period ? this.#options.random.next() * period : 0;
  }
  /** Containers were started: probe them without waiting for the next tick. */
  kick(uid: string): void {
    for (const worker of this.#workers.get(uid)?.values() ?? []) if (worker.result !== "success") worker.trigger();
  }
  stopLivenessAndStartup(uid: string): void {
    const workers = this.#workers.get(uid);
    for (const [key, worker] of workers ?? []) {
      if (worker.kind === "readiness") continue;
      worker.stop();
      workers?.delete(key);
    }
  }
  remove(uid: string): void {
    for (const worker of this.#workers.get(uid)?.values() ?? []) worker.stop();
    this.#workers.delete(uid);
    this.#options.metrics.forget(uid);
  }
  close(): void {
    for (const uid of [...this.#workers.keys()]) this.remove(uid);
  }
}
