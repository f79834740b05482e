/** Pods of manifests: which of them shall be here, in spite of names that are given twice and of predecessors that still end. */
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Client } from "../../client/client.ts";
import type { KubeletConfig } from "../config.ts";
import { formatPod, fullName, isStatic } from "../pod.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Origin } from "./decode.ts";
import { FileSource } from "./file-source.ts";
import { Mirrors } from "./mirrors.ts";
import { UrlSource } from "./url-source.ts";

/** What a pod's worker is to static pods. */
export interface StaticWorker {
  readonly pod: Pod;
  readonly state: string;
  /** Its manifest is gone. */
  removed(): void;
}

export interface StaticPodsOptions {
  config: Pick<KubeletConfig, "nodeName" | "staticPodPath" | "staticPodURL" | "staticPodURLHeader" | "fileCheckInterval" | "httpCheckInterval">;
  client: Client;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** This node, once it is registered. */
  node(): Node | undefined;
  /** By uid, those of other pods included. */
  workers: ReadonlyMap<string, StaticWorker>;
  events: PodEvents;
  /** Gives the pod a worker. */
  take(pod: Pod): void;
  /** A worker is finished whose manifest was already gone. */
  onGone(uid: string): void;
  /** The pod of this uid has this mirror, or none. */
  onMirror(uid: string, mirror: Pod | undefined): void;
}

export class StaticPods {
  readonly #options: StaticPodsOptions;
  readonly #given = new Map<Origin["source"], readonly Pod[]>();
  #wanted = new Map<string, Pod>();

  /** Uids of those that were told to end: they end also when the same manifest has come back meanwhile, and then begin anew. */
  readonly #leaving = new Set<string>();
  readonly #mirrors: Mirrors;

  constructor(options: StaticPodsOptions) {
    this.#options = options;
    const { client, clock, logger, signal, config, node, onMirror } = options;
    this.#mirrors = new Mirrors({
      ...{ client, clock, logger, signal, node, onMirror, nodeName: config.nodeName },
      pods: () => this.#current(),
      isEnding: (name) => this.#isEnding(name),
    });
  }
  /** Resolves when the files were read once; goes on until the signal. */
  async start(): Promise<void> {
    const { config, clock, logger, signal } = this.#options;
    const { nodeName, staticPodPath: path, staticPodURL: url, staticPodURLHeader: header } = config;
    const common = { nodeName, clock, logger, signal };
    if (path) await new FileSource({ ...common, path, interval: config.fileCheckInterval, onPods: (pods) => this.set("file", pods) }).start();
    if (url) new UrlSource({ ...common, url, header, interval: config.httpCheckInterval, onPods: (pods) => this.set("http", pods) }).start();
  }
  /** Every mirror that exists was observed, and the node is registered: the API may show them from now on. */
  show(): void {
    this.#mirrors.begin();
  }
  observeMirror(old: Pod | undefined, mirror: Pod | undefined): void {
    this.#mirrors.observe(old, mirror);
  }
  /** Everything that a source holds now. */
  set(source: Origin["source"], pods: readonly Pod[]): void {
    const names = new Set<string>();
    this.#given.set(
      source,
      pods.filter((pod) => {
        if (!names.has(fullName(pod))) return names.add(fullName(pod));
        const why = `Error validating pod ${formatPod(pod)} from ${source} due to duplicate pod name ${JSON.stringify(pod.metadata.name)}, ignoring`;
        this.#options.events.pod(pod, "Warning", "FailedValidation", why);
        return false;
      }),
    );
    this.#wanted = new Map([...this.#given.values()].flat().map((pod) => [pod.metadata.uid, pod]));
    this.look();
  }
  /** A worker was dropped: its successor may begin. */
  forgotten(pod: Pod): void {
    this.#leaving.delete(pod.metadata.uid);
    if (isStatic(pod)) this.#mirrors.end(pod);
    this.look();
  }
  /** To be called as well when a worker is finished. */
  look(): void {
    const { workers, take, onGone } = this.#options;
    for (const [uid, worker] of workers) {
      if (!isStatic(worker.pod) || (this.#wanted.has(uid) && !this.#leaving.has(uid))) continue;
      if (worker.state === "finished") onGone(uid);
      else if (!this.#leaving.has(uid)) {
        this.#leaving.add(uid);
        worker.removed();
      }
    }
    for (const [uid, pod] of this.#wanted) if (!workers.has(uid) && !this.#nameTaken(pod)) take(pod);
    this.#mirrors.look();
  }
  #nameTaken(pod: Pod): boolean {
    return [...this.#options.workers.values()].some((worker) => isStatic(worker.pod) && fullName(worker.pod) === fullName(pod));
  }
  /** Those that the API shall show: of the others, a predecessor still ends. */
  #current(): Pod[] {
    return [...this.#wanted.keys()].flatMap((uid) => this.#options.workers.get(uid)?.pod ?? []);
  }
  /** A pod of this name still ends although no manifest asks for it any more. */
  #isEnding(name: string): boolean {
    return [...this.#options.workers.values()].some(
      ({ pod, state }) => isStatic(pod) && fullName(pod) === name && (state === "syncing" || state === "terminating"),
    );
  }
}
