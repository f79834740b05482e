/**
 * The life of all objects of one resource: watches them, finds each one's next stage and carries it out. An object that no
 * stage concerns costs a few words of memory; one that waits for its delay costs an entry in a heap.
 */
import { type KubeObject, keyOf } from "../api/object.ts";
import { isConflict, isNotFound, StatusError } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { ReflectorTarget } from "../client/reflector.ts";
import type { Delayed, DelayQueue } from "./delay-queue.ts";
import { nextStage, type Stage } from "./stage.ts";
import type { WorkQueue } from "./work-queue.ts";

/** How many steps of a stage have been carried out: a stage that fails goes on there, so that no step happens twice. */
export interface Progress {
  done: number;
}

export interface StagedOptions<T extends KubeObject> {
  stages: readonly Stage[];
  clock: Clock;
  random: Random;
  logger: Logger;
  delays: DelayQueue;
  work: WorkQueue;
  /** Whether the object is a simulated one. */
  concerns(object: T): boolean;
  /** Carries out a stage from where `progress` says on. Gives the object as it is then; undefined where it is gone or unchanged. */
  play(object: T, stage: Stage, progress: Progress): Promise<T | undefined>;
  /** Seen for the first time, changed, or gone. */
  seen?(object: T): void;
  gone?(object: T): void;
}

interface Entry<T> {
  uid: string;
  /** Kept only while a stage waits or runs, and for `gone`. */
  object: T | undefined;
  stage: Stage | undefined;
  /** Of a stage that failed half-way. */
  begun: { stage: Stage; progress: Progress } | undefined;
  waiting: Delayed | undefined;
  running: boolean;
  failures: number;
  /** Version after our own last write: what is older is no news. */
  version: bigint;
}

const firstRetry = 100;
const lastRetry = 30_000;

export class StagedResources<T extends KubeObject> implements ReflectorTarget<T> {
  readonly #options: StagedOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(options: StagedOptions<T>) {
    this.#options = options;
  }

  replace(items: T[]): void {
    const present = new Set(items.map(keyOf));
    for (const key of [...this.#entries.keys()]) if (!present.has(key)) this.#remove(key);
    for (const item of items) this.#see(item);
  }
  change(type: string, object: T): void {
    if (type === "DELETED") this.#remove(keyOf(object), object);
    else this.#see(object);
  }
  progress(): void {}

  /** Looks at every object that waits for nothing again: what `concerns` says has changed. */
  reconsider(object: T): void {
    this.#see(object);
  }

  #see(object: T): void {
    const key = keyOf(object);
    let entry = this.#entries.get(key);
    if (entry && entry.uid !== object.metadata.uid) {
      this.#remove(key);
      entry = undefined;
    }
    if (!this.#options.concerns(object)) {
      this.#remove(key, object);
      return;
    }
    this.#options.seen?.(object);
    if (!entry) {
      entry = { uid: object.metadata.uid, object: undefined, stage: undefined, begun: undefined, waiting: undefined, running: false, failures: 0, version: 0n };
      this.#entries.set(key, entry);
    }
    if (BigInt(object.metadata.resourceVersion) <= entry.version) return;
    entry.version = BigInt(object.metadata.resourceVersion);
    entry.object = object;
    if (!entry.running) this.#consider(key, entry);
  }

  #remove(key: string, object?: T): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.waiting?.cancel();
    this.#entries.delete(key);
    const last = object ?? entry.object;
    if (last) this.#options.gone?.(last);
  }

  #consider(key: string, entry: Entry<T>): void {
    const { stages, random, clock, delays } = this.#options;
    const object = entry.object as T;
    const stage = nextStage(stages, object, entry.stage, random);
    if (stage && stage === entry.stage && entry.waiting) return;
    entry.waiting?.cancel();
    entry.waiting = undefined;
    entry.stage = stage;
    if (!stage) {
      entry.object = undefined;
      entry.begun = undefined;
      return;
    }
    const delay = stage.delay(object, clock.now(), random);
    if (delay > 0) entry.waiting = delays.add(delay, () => this.#start(key, entry));
    else this.#start(key, entry);
  }

  #start(key: string, entry: Entry<T>): void {
    entry.waiting = undefined;
    entry.running = true;
    this.#options.work.add(() => this.#play(key, entry));
  }

  async #play(key: string, entry: Entry<T>): Promise<void> {
    const { play, logger } = this.#options;
    const { object, stage } = entry;
    if (this.#entries.get(key) !== entry || !object || !stage) return;
    if (!this.#options.concerns(object)) {
      this.#remove(key, object);
      return;
    }
    const progress = entry.begun?.stage === stage ? entry.begun.progress : { done: 0 };
    entry.begun = { stage, progress };
    try {
      const after = await play(object, stage, progress);
      entry.begun = undefined;
      entry.failures = 0;
      entry.stage = undefined;
      if (after && BigInt(after.metadata.resourceVersion) > entry.version) {
        entry.version = BigInt(after.metadata.resourceVersion);
        entry.object = after;
      }
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) {
        entry.failures++;
        const report = { object: key, stage: stage.name, where: stage.where, error };
        const final = error instanceof StatusError && error.code >= 400 && error.code < 500 && error.code !== 429;
        if (final || !(error instanceof Error)) logger.error("a stage was refused", report);
        else logger.warn("a stage could not be carried out yet", report);
      }
    } finally {
      entry.running = false;
      this.#after(key, entry, object);
    }
  }

  #after(key: string, entry: Entry<T>, played: T): void {
    if (this.#entries.get(key) !== entry) return;
    if (entry.failures > 0) {
      const delay = Math.min(firstRetry * 2 ** (entry.failures - 1), lastRetry);
      entry.stage = undefined;
      entry.waiting = this.#options.delays.add(delay, () => {
        entry.waiting = undefined;
        this.#consider(key, entry);
      });
    } else if (entry.object !== played) this.#consider(key, entry);
    else entry.object = undefined;
  }
}
