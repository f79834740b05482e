/** Brings pod statuses to the API, one write at a time for each pod, and removes pods that are finished. */
import { isNotFound } from "../api/status.ts";
import type { Pod, PodStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { pods } from "../client/resources.gen.ts";
import { timestamp } from "./container-statuses.ts";
import { isMirror, isStatic } from "./pod.ts";
import { mergeStatus, sameJSON, statusPatch, withTimes } from "./status-merge.ts";

interface Entry {
  /** The latest form of the object that is known. Of a static pod, its mirror; undefined while there is none. */
  pod: Pod | undefined;
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
  /** Mirrors of static pods, by the uid of the pod. */
  readonly #mirrors = new Map<string, Pod>();
  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }
  /** What was last decided; undefined for a pod that is not known. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status ?? this.#mirrors.get(uid)?.status;
  }
  /** The static pod of this uid is shown by this object from now on, or by none. */
  mirror(uid: string, mirror: Pod | undefined): void {
    if (mirror) this.#mirrors.set(uid, mirror);
    else this.#mirrors.delete(uid);
    const entry = this.#entries.get(uid);
    if (!entry) return;
    entry.pod = mirror && entry.pod?.metadata.uid === mirror.metadata.uid ? newer(mirror, entry.pod) : mirror;
    this.#touch(uid, entry);
  }
  /** Tells of a newer form of the object. Corrects what somebody else has written over. */
  observe(pod: Pod): void {
    const { uid } = pod.metadata;
    const entry = this.#entries.get(uid);
    if (!entry?.pod) return;
    entry.pod = newer(pod, entry.pod);
    this.#touch(uid, entry);
  }
  set(pod: Pod, status: PodStatus, couldRun: boolean, finished = false): void {
    const { uid } = pod.metadata;
    const known = this.#entries.get(uid);
    const now = timestamp(this.#options.clock.now());
    const timed = withTimes(status, this.get(uid) ?? pod.status ?? {}, now);
    if (!known) {
      const entry: Entry = { pod: isStatic(pod) ? this.#mirrors.get(uid) : pod, status: timed, finished, couldRun, dirty: false, writing: false, failures: 0 };
      this.#entries.set(uid, entry);
      this.#touch(uid, entry);
      return;
    }
    if (known.pod && !isStatic(pod)) known.pod = newer(pod, known.pod);
    if (sameJSON(known.status, timed) && known.finished === finished && known.couldRun === couldRun) return;
    Object.assign(known, { status: timed, finished: known.finished || finished, couldRun });
    this.#touch(uid, known);
  }
  forget(uid: string): void {
    this.#entries.delete(uid);
  }
  #touch(uid: string, entry: Entry): void {
    entry.dirty = true;
    if (!entry.writing) void this.#write(uid, entry);
  }
  async #write(uid: string, entry: Entry): Promise<void> {
    entry.writing = true;
    while (entry.dirty && this.#entries.get(uid) === entry && !this.#options.signal.aborted) {
      entry.dirty = false;
      if (!entry.pod) break;
      const { namespace = "", name } = entry.pod.metadata;
      try {
        await this.#writeOnce(entry, entry.pod);
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
  async #writeOnce(entry: Entry, pod: Pod): Promise<void> {
    const { uid, namespace = "", name } = pod.metadata;
    const client = this.#options.client.resource(pods);
    const { signal } = this.#options;
    const patch = statusPatch(uid, pod.status ?? {}, mergeStatus(pod, entry.status, entry.couldRun));
    if (patch) {
      const made = await client.patch(namespace, name, "strategic", patch, { subresource: "status", signal });
      if (entry.pod?.metadata.uid === uid) entry.pod = newer(made, entry.pod);
    }
    const gone = entry.finished && entry.pod?.metadata.uid === uid && entry.pod.metadata.deletionTimestamp && !isMirror(entry.pod);
    if (gone) await client.delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
  }
}
