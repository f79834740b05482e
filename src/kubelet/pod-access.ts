/** What others ask of a running kubelet: its pods, their containers and logs. */
import type { Pod, PodStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { containerForLogs, type LogOptions, LogsUnavailable, readLogs } from "./logs.ts";
import type { PodWorker } from "./pod-worker.ts";
import type { Runtime } from "./runtime.ts";

export interface PodAccessOptions {
  runtime: Runtime;
  clock: Clock;
  workers: ReadonlyMap<string, PodWorker>;
  status(uid: string): PodStatus | undefined;
}

/** Nothing of that name is here; the text is upstream's. */
export class NotHere extends Error {
  override name = "NotHere";
}

export class PodAccess {
  readonly #options: PodAccessOptions;
  constructor(options: PodAccessOptions) {
    this.#options = options;
  }
  /** Every pod of this node with the status that was last decided on. */
  list(): Pod[] {
    return [...this.#options.workers.values()].map((worker) => this.#withStatus(worker));
  }
  #withStatus(worker: PodWorker): Pod {
    const status = this.#options.status(worker.pod.metadata.uid);
    return status ? { ...worker.pod, status } : worker.pod;
  }
  #worker(namespace: string, name: string, uid?: string): PodWorker | undefined {
    for (const worker of this.#options.workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.namespace === namespace && metadata.name === name && (!uid || metadata.uid === uid)) return worker;
    }
    return undefined;
  }
  find(namespace: string, name: string, uid?: string): Pod | undefined {
    const worker = this.#worker(namespace, name, uid);
    return worker && this.#withStatus(worker);
  }
  /** Id of the container that runs under this name, for exec and attach. Rejects with NotHere. */
  async runningContainer(namespace: string, name: string, container: string, uid?: string): Promise<string> {
    const worker = this.#worker(namespace, name, uid);
    if (!worker) throw new NotHere("pod does not exist");
    const state = await this.#options.runtime.readPod(worker.pod.metadata.uid, namespace, name);
    const record = state.containers.find((c) => c.name === container && c.state === "running");
    if (!record) throw new NotHere(`container not found (${JSON.stringify(container)})`);
    return record.id;
  }
  /** Id of the pod's ready sandbox, for port forwarding. Rejects with NotHere. */
  async sandbox(namespace: string, name: string, uid?: string): Promise<string> {
    const worker = this.#worker(namespace, name, uid);
    if (!worker) throw new NotHere("pod does not exist");
    const state = await this.#options.runtime.readPod(worker.pod.metadata.uid, namespace, name);
    const sandbox = state.sandboxes.find((s) => s.ready);
    if (!sandbox) throw new NotHere(`sandbox not found for pod ${JSON.stringify(`${name}_${namespace}`)}`);
    return sandbox.id;
  }
  /** Rejects with NotHere and LogsUnavailable before anything is given. */
  async logs(namespace: string, name: string, container: string, options: LogOptions & { previous?: boolean }): Promise<AsyncGenerator<Buffer>> {
    const { runtime, clock } = this.#options;
    const worker = this.#worker(namespace, name);
    if (!worker) throw new NotHere(`pod ${JSON.stringify(name)} cannot be found - no logs available`);
    const { uid } = worker.pod.metadata;
    const status = this.#options.status(uid) ?? worker.pod.status;
    const id = containerForLogs(name, status, container, options.previous ?? false);
    const { status: found } = await runtime.cri.call("ContainerStatus", { containerId: id });
    if (!found?.logPath) throw new LogsUnavailable(`container ${JSON.stringify(container)} in pod ${JSON.stringify(name)} has no log`);
    const running = async (): Promise<boolean> => {
      try {
        return (await runtime.container(id, "")).state === "running";
      } catch {
        // A container that is gone writes no more.
        return false;
      }
    };
    return readLogs({ path: found.logPath, running, clock }, options);
  }
}
