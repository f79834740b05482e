/**
 * Shows static pods in the API (upstream's pkg/kubelet/pod/mirror_client.go): one mirror for each, made anew when it differs
 * or is deleted, and removed with its pod. While the API is away, it waits.
 */
import { isAlreadyExists, isConflict, isNotFound } from "../../api/status.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Client } from "../../client/client.ts";
import { pods } from "../../client/resources.gen.ts";
import { annotationKeys, fullName } from "../pod.ts";

export interface MirrorsOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  nodeName: string;
  /** Once it is registered. */
  node(): Node | undefined;
  /** Static pods that shall have a mirror. */
  pods(): readonly Pod[];
  /** A pod of that name is not wanted any more, but has not ended yet. */
  isEnding(name: string): boolean;
  /** The pod of this uid has this mirror, or none. */
  onMirror(uid: string, mirror: Pod | undefined): void;
}

const longestDelay = 30_000;

/** A static pod's hash is its uid, which its mirror names. */
const shownBy = (mirror: Pod): string => mirror.metadata.annotations?.[annotationKeys.mirror] ?? "";
const hashOf = (pod: Pod): string => pod.metadata.annotations?.[annotationKeys.hash] ?? "";

export class Mirrors {
  readonly #options: MirrorsOptions;
  readonly #known = new Map<string, Pod>();
  /** Uids of mirrors whose pods are over. */
  readonly #ended = new Set<string>();
  #ready = false;
  #running = false;
  #dirty = false;
  #failures = 0;
  #timer: Timer | undefined;

  constructor(options: MirrorsOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#timer?.cancel(), { once: true });
  }
  /** A mirror is new, has changed or (without `pod`) is gone. */
  observe(old: Pod | undefined, pod: Pod | undefined): void {
    const name = fullName((pod ?? old) as Pod);
    if (pod) this.#take(name, pod);
    else if (this.#known.get(name)?.metadata.uid === old?.metadata.uid) this.#drop(old as Pod);
    this.look();
  }
  #take(name: string, mirror: Pod): void {
    this.#known.set(name, mirror);
    if (!this.#ended.has(mirror.metadata.uid)) this.#options.onMirror(shownBy(mirror), mirror);
  }
  #drop(mirror: Pod): void {
    this.#known.delete(fullName(mirror));
    this.#ended.delete(mirror.metadata.uid);
    this.#options.onMirror(shownBy(mirror), undefined);
  }
  /** Nothing is left of the pod: it is shown no more, and a successor gets a mirror of its own, also when it is the same manifest. */
  end(pod: Pod): void {
    const mirror = this.#known.get(fullName(pod));
    if (!mirror || shownBy(mirror) !== pod.metadata.uid) return;
    this.#ended.add(mirror.metadata.uid);
    this.#options.onMirror(pod.metadata.uid, undefined);
    this.look();
  }
  #isRight(mirror: Pod, pod: Pod): boolean {
    return !mirror.metadata.deletionTimestamp && !this.#ended.has(mirror.metadata.uid) && shownBy(mirror) === hashOf(pod);
  }
  /** Every mirror that exists was observed, and the node is registered. */
  begin(): void {
    this.#ready = true;
    this.look();
  }
  /** To be called when the static pods are others, or one of them has ended. */
  look(): void {
    this.#dirty = true;
    if (this.#ready && !this.#running && !this.#options.signal.aborted) void this.#run();
  }
  async #run(): Promise<void> {
    const { clock, logger, signal } = this.#options;
    this.#running = true;
    this.#timer?.cancel();
    while (this.#dirty && !signal.aborted) {
      this.#dirty = false;
      try {
        await this.#bring();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        logger.warn("could not keep the mirrors of static pods", { error });
        this.#timer = clock.after(Math.min(longestDelay, 1000 * 2 ** this.#failures++), () => this.look());
        break;
      }
    }
    this.#running = false;
  }
  async #bring(): Promise<void> {
    const wanted = this.#options.pods();
    const names = new Set(wanted.map(fullName));
    for (const [name, mirror] of this.#known) if (!names.has(name) && !this.#options.isEnding(name)) await this.#delete(mirror);
    for (const pod of wanted) {
      const mirror = this.#known.get(fullName(pod));
      if (mirror && !this.#isRight(mirror, pod)) await this.#delete(mirror);
      if (!this.#known.has(fullName(pod))) await this.#create(pod);
    }
  }
  async #delete(mirror: Pod): Promise<void> {
    const { namespace = "", name, uid } = mirror.metadata;
    try {
      await this.#options.client.resource(pods).delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid }, signal: this.#options.signal });
    } catch (error) {
      // Another one has its name: the next look is for that.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    if (this.#known.get(fullName(mirror))?.metadata.uid === uid) this.#drop(mirror);
  }
  async #create(pod: Pod): Promise<void> {
    const { client, nodeName, signal, logger } = this.#options;
    const node = this.#options.node();
    if (!node?.metadata.uid || node.metadata.deletionTimestamp) return;
    const { namespace = "" } = pod.metadata;
    const metadata = {
      ...pod.metadata,
      annotations: { ...pod.metadata.annotations, [annotationKeys.mirror]: hashOf(pod) },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid, controller: true }],
    };
    try {
      this.#take(fullName(pod), await client.resource(pods).create(namespace, { ...pod, metadata }, { signal }));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // A mirror is heard of by the watch; anybody else's pod of that name keeps it.
      logger.warn("a static pod is not shown: another pod has its name", { pod: fullName(pod) });
    }
  }
}
