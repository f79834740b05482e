/** What this node knows of one pod: its spec, what it was given, what the runtime has, and the status that follows. */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { RuntimeFacts } from "./env.ts";
import { annotationKeys, isHostNetwork, qosClass } from "./pod.ts";
import { podStatus, type Verdict } from "./pod-status.ts";
import { PodResize } from "./resize/pod-resize.ts";
import { emptyRuntimePod, findContainer, type RuntimePod } from "./runtime-pod.ts";
import type { WorkerServices } from "./worker-services.ts";

export class PodRecord {
  readonly #services: WorkerServices;
  readonly #marks: Readonly<Record<string, string>>;
  readonly resize: PodResize;
  /** As its spec asks. */
  desired: Pod;
  /** With the resources that it was given. */
  pod: Pod;
  #runtimePod: RuntimePod;
  /** Monotonic milliseconds: what a list says that was asked for before is older than what is known here. */
  knownAt = 0;
  /** Why the node ends the pod, if it does. */
  verdict: Verdict | undefined;
  /** Why containers could not be started. */
  readonly failures = new Map<string, StartFailure>();

  /** `seen`: when this node heard of the pod, RFC 3339; containers can ask for it, as for where it comes from. */
  constructor(services: WorkerServices, pod: Pod, seen: string, source: string) {
    this.#services = services;
    this.#marks = { [annotationKeys.seen]: seen, [annotationKeys.source]: source };
    this.resize = new PodResize(pod, services.volumes.podDirectory(pod.metadata.uid), services.events);
    this.desired = this.#annotate(pod);
    this.pod = this.resize.allocated(this.desired);
    this.#runtimePod = emptyRuntimePod(pod.metadata.uid, pod.metadata.namespace ?? "", pod.metadata.name);
  }
  /** As it was last read, with what was made since. */
  get runtimePod(): RuntimePod {
    return this.#runtimePod;
  }
  set runtimePod(known: RuntimePod) {
    this.#runtimePod = known;
    this.knownAt = this.#services.clock.monotonic();
  }
  /** A newer form of the object. */
  update(pod: Pod): void {
    this.desired = this.#annotate(pod);
    this.pod = this.resize.allocated(this.desired);
  }
  /** Upstream marks where a pod came from, which the downward API shows. */
  #annotate(pod: Pod): Pod {
    return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...this.#marks } } };
  }
  get qos(): string {
    return this.pod.status?.qosClass ?? qosClass(this.pod);
  }
  async read(): Promise<RuntimePod> {
    const { uid, namespace = "", name } = this.pod.metadata;
    this.runtimePod = await this.#services.runtime.readPod(uid, namespace, name);
    return this.runtimePod;
  }
  /** Hands the status to the status manager; gives the phase. `terminal`: nothing of the pod runs or will. */
  publish(terminal: boolean, couldRun: boolean, finished = false): string {
    const { statuses, runtime, probes, config, resourceStatuses } = this.#services;
    const status = podStatus({
      pod: this.pod,
      runtime: this.runtimePod,
      runtimeName: runtime.name,
      previous: statuses.get(this.pod.metadata.uid) ?? this.pod.status ?? {},
      failures: (container) => this.failures.get(container),
      actuated: this.resize.actuated,
      resize: this.resize.conditions,
      probes: probes.results,
      devices: (container) => resourceStatuses(this.pod, container),
      terminal,
      hostIPs: config.nodeIPs,
      ...(this.verdict ? { verdict: this.verdict } : {}),
    });
    statuses.set(this.pod, status, couldRun, finished);
    return status.phase ?? "";
  }
  /** What containers may ask about where they are. */
  facts(): RuntimeFacts {
    const { config } = this.#services;
    const ips = isHostNetwork(this.pod) ? config.nodeIPs : (this.runtimePod.sandboxes.find((s) => s.ready)?.ips ?? []);
    return { podIPs: ips, hostIPs: config.nodeIPs, nodeName: config.nodeName, allocatable: this.#services.allocatable() };
  }
  /** Milliseconds that are left of activeDeadlineSeconds; undefined without one. */
  timeLeft(): number | undefined {
    const seconds = this.pod.spec.activeDeadlineSeconds;
    const start = this.#services.statuses.get(this.pod.metadata.uid)?.startTime ?? this.pod.status?.startTime;
    return seconds === undefined || !start ? undefined : Date.parse(start) + seconds * 1000 - this.#services.clock.now();
  }
  observeResize(): void {
    this.resize.observe(this.pod, (name) => findContainer(this.runtimePod, name)?.state === "running");
  }
  /** Every container of the pod runs: there is nothing to be done before something happens. */
  settled(): boolean {
    return (
      this.runtimePod.containers.length > 0 &&
      this.pod.spec.containers.every((c) => this.runtimePod.containers.find((r) => r.name === c.name)?.state === "running")
    );
  }
}
