/** Decides which of what pods left behind may go, and has it removed: pods that are over, and pods that nobody knows. */
import { isNotFound, StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import type { Cleanup } from "./cleanup.ts";
import type { PodWorker } from "./pod-worker.ts";

export interface LeftoversOptions {
  nodeName: string;
  logger: Logger;
  workers: Map<string, PodWorker>;
  cleanup: Cleanup;
  /** As the API server has it. */
  readPod(namespace: string, name: string): Promise<Pod>;
  /** The worker is about to be dropped. */
  onForget(uid: string): void;
  /** The worker was dropped: another pod may have its name. */
  onForgotten(pod: Pod): void;
}

interface Named {
  uid: string;
  namespace: string;
  name: string;
}

export class Leftovers {
  readonly #options: LeftoversOptions;
  readonly #removing = new Set<string>();
  constructor(options: LeftoversOptions) {
    this.#options = options;
  }
  /** What the runtime has of pods that nobody knows is removed. */
  found(pods: Iterable<Named>): void {
    for (const pod of pods) if (!this.#options.workers.has(pod.uid)) void this.#removeUnknown(pod);
  }
  async #removeUnknown(pod: Named): Promise<void> {
    const { readPod, cleanup, nodeName, logger } = this.#options;
    if (this.#removing.has(pod.uid)) return;
    this.#removing.add(pod.uid);
    try {
      // The informer may be behind; what the API server still has is not unknown.
      const current = await readPod(pod.namespace, pod.name).catch((error: unknown) => {
        // A node may read the pods that are bound to it: one that it may not read is none of its own.
        if (isNotFound(error) || (error instanceof StatusError && error.code === 403)) return undefined;
        throw error;
      });
      if (current?.metadata.uid !== pod.uid || current.spec.nodeName !== nodeName) await cleanup.removeUnknown(pod);
    } catch (error) {
      logger.warn("could not remove what is left of a pod", { pod: `${pod.namespace}/${pod.name}`, error });
    } finally {
      this.#removing.delete(pod.uid);
    }
  }
  /** A pod that is finished and gone from where it came from. */
  async forget(worker: PodWorker): Promise<void> {
    const { workers, cleanup, logger, onForget, onForgotten } = this.#options;
    const { uid, namespace, name } = worker.pod.metadata;
    if (workers.get(uid) !== worker || this.#removing.has(uid)) return;
    onForget(uid);
    this.#removing.add(uid);
    worker.close();
    try {
      await cleanup.removePod(worker.pod, worker.runtimePod);
    } catch (error) {
      logger.warn("could not remove what is left of a pod", { pod: `${namespace}/${name}`, error });
    } finally {
      workers.delete(uid);
      this.#removing.delete(uid);
      onForgotten(worker.pod);
    }
  }
}
