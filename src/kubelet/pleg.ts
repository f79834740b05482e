/** Notices what happens in the runtime: by its events where it has them, and by comparing lists. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { CriError } from "../cri/client.ts";
import type { PodSummary, Runtime } from "./runtime.ts";
import { labels } from "./runtime-pod.ts";

export interface PlegOptions {
  runtime: Runtime;
  clock: Clock;
  logger: Logger;
  /** Milliseconds between lists where the runtime sends no events. */
  interval: number;
  signal: AbortSignal;
  /** `fingerprint`: what was seen; undefined when that is not known. */
  onChange(uid: string, fingerprint?: string): void;
  onList(found: Map<string, PodSummary>): void;
}

/** With events, lists only catch what an event was lost for. */
const intervalWithEvents = 60_000;

export class Pleg {
  readonly #options: PlegOptions;
  #last = new Map<string, PodSummary>();
  #streaming = false;
  #healthy = 0;

  constructor(options: PlegOptions) {
    this.#options = options;
  }
  /** The runtime had something of this pod when it was last listed. */
  knows(uid: string): boolean {
    return this.#last.has(uid);
  }
  /** Every pod that the runtime had something of. */
  uids(): Iterable<string> {
    return this.#last.keys();
  }
  /** What the runtime had when it was last listed. */
  pods(): Iterable<PodSummary> {
    return this.#last.values();
  }
  /** Monotonic milliseconds of the last list that succeeded. */
  get lastList(): number {
    return this.#healthy;
  }
  /** Lists once, then goes on in the background. */
  async start(): Promise<void> {
    await this.#list();
    void this.#stream();
    this.#next();
  }
  #next(): void {
    const { clock, interval, signal, logger } = this.#options;
    clock.after(this.#streaming ? intervalWithEvents : interval, () => {
      if (signal.aborted) return;
      this.#list()
        .catch((error) => signal.aborted || logger.warn("could not list what runs", { error }))
        .finally(() => this.#next());
    });
  }
  async #list(): Promise<void> {
    const found = await this.#options.runtime.summaries();
    const before = this.#last;
    this.#last = found;
    this.#healthy = this.#options.clock.monotonic();
    for (const [uid, pod] of found) if (before.get(uid)?.fingerprint !== pod.fingerprint) this.#options.onChange(uid, pod.fingerprint);
    for (const uid of before.keys()) if (!found.has(uid)) this.#options.onChange(uid);
    this.#options.onList(found);
  }
  async #stream(): Promise<void> {
    const { runtime, signal, clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const event of runtime.cri.stream("GetContainerEvents", {}, signal)) {
          this.#streaming = true;
          const uid = event.podSandboxStatus?.labels[labels.podUid] ?? event.podSandboxStatus?.metadata?.uid;
          if (uid) this.#options.onChange(uid);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CriError && error.unimplemented) return;
        logger.info("the runtime's events ended", { error });
      }
      this.#streaming = false;
      await clock.sleep(1000, signal).catch(() => undefined);
    }
  }
}
