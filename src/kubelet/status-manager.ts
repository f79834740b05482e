/** Brings pod statuses to the API, one write at a time for each pod, and removes pods that are finished. */
import { isNotFound } from "../api/status.ts";
import type { Pod, PodStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { pods } from "../client/resources.gen.ts";
import { timestamp } from "./container-statuses.ts";
import { mergeStatus, sameJSON, statusPatch, withTimes } from "./status-merge.ts";

interface Entry {
  /** The latest form of the object that is known. */
  pod: Pod;
  status: PodStatus;
  /** Nothing of the pod is left on this node. */
  finished: boolean;
  /** Containers may still run. */
  couldRun: boolean;
  dirty: boolean;
  writing: boolean;
  failures: number;
}

export interface StatusManagerOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

const newer = (a: Pod, b: Pod): Pod => (BigInt(a.metadata.resourceVersion || 0) >= BigInt(b.metadata.resourceVersion || 0) ? a : b);

export class StatusManager {
  readonly #options: StatusManagerOptions;
  readonly #entries = new Map<string, Entry>();
  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }
  /** What was last decided; undefined for a pod that is not known. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }
  /** Tells of a newer form of the object. Corrects what somebody else has written over. */
  observe(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (!entry) return;
    entry.pod = newer(pod, entry.pod);
    this.#touch(entry);
  }
  set(pod: Pod, status: PodStatus, couldRun: boolean, finished = false): void {
    const { uid } = pod.metadata;
    const known = this.#entries.get(uid);
    const now = timestamp(this.#options.clock.now());
    const timed = withTimes(status, known?.status ?? pod.status ?? {}, now);
    if (!known) {
      const entry: Entry = { pod, status: timed, finished, couldRun, dirty: false, writing: false, failures: 0 };
      this.#entries.set(uid, entry);
      this.#touch(entry);
      return;
    }
    known.pod = newer(pod, known.pod);
    if (sameJSON(known.status, timed) && known.finished === finished && known.couldRun === couldRun) return;
    Object.assign(known, { status: timed, finished: known.finished || finished, couldRun });
    this.#touch(known);
  }
  forget(uid: string): void {
    this.#entries.delete(uid);
  }
  #touch(entry: Entry): void {
    entry.dirty = true;
    if (!entry.writing) void this.#write(entry);
  }
  async #write(entry: Entry): Promise<void> {
    entry.writing = true;
    const { uid, namespace = "", name } = entry.pod.metadata;
    while (entry.dirty && this.#entries.get(uid) === entry && !this.#options.signal.aborted) {
      entry.dirty = false;
      try {
        await this.#writeOnce(entry, namespace, name);
        entry.failures = 0;
      } catch (error) {
        if (isNotFound(error)) break;
        this.#options.logger.warn("could not update the status of a pod", { pod: `${namespace}/${name}`, error });
        entry.dirty = true;
        const delay = Math.min(10_000, 200 * 2 ** entry.failures++);
        await this.#options.clock.sleep(delay, this.#options.signal).catch(() => undefined);
      }
    }
    entry.writing = false;
  }
  async #writeOnce(entry: Entry, namespace: string, name: string): Promise<void> {
    const { uid } = entry.pod.metadata;
    const client = this.#options.client.resource(pods);
    const { signal } = this.#options;
    const merged = mergeStatus(entry.pod, entry.status, entry.couldRun);
    const patch = statusPatch(uid, entry.pod.status ?? {}, merged);
    if (patch) entry.pod = newer(await client.patch(namespace, name, "strategic", patch, { subresource: "status", signal }), entry.pod);
    if (entry.finished && entry.pod.metadata.deletionTimestamp) await client.delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
  }
}
