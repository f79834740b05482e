/**
 * Notices what happens in the runtime: by its events where it has them (KEP-3386), and by comparing lists. While events come,
 * lists only catch what one was lost for; when they end, a list is made at once and lists go on at the short interval.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { CriError } from "../cri/client.ts";
import type { PodSummary, Runtime } from "./runtime.ts";
import { labels } from "./runtime-pod.ts";

/** Of one pod, in a list. */
export interface Seen {
  fingerprint: string;
  /** Monotonic milliseconds when the list was asked for: what is known since then is newer. */
  at: number;
}

export interface PlegOptions {
  runtime: Runtime;
  clock: Clock;
  logger: Logger;
  /** Milliseconds between lists where the runtime sends no events. */
  interval: number;
  signal: AbortSignal;
  /** `seen`: what a list said; undefined when that is not known. */
  onChange(uid: string, seen?: Seen): void;
  onList(found: Map<string, PodSummary>): void;
  /** How long lists take, by the clock's monotonic(), and whether streams of events come about. */
  metrics?: { listed(began: number, ended: number): void; streaming(worked: boolean): void };
}

/** Milliseconds between lists while events come. */
const intervalWithEvents = 60_000;
/** Milliseconds until the runtime is asked for events again. */
const retry = 1000;

export class Pleg {
  readonly #options: PlegOptions;
  #last = new Map<string, PodSummary>();
  readonly #asked = new Set<string>();
  #streaming = false;
  #healthy = 0;
  #timer: Timer | undefined;
  #listing: Promise<void> | undefined;

  constructor(options: PlegOptions) {
    this.#options = options;
  }
  /** The runtime had something of this pod when it was last listed. */
  knows(uid: string): boolean {
    return this.#last.has(uid);
  }
  /** The next list tells of this pod, be it changed or not. */
  tellAgain(uid: string): void {
    this.#asked.add(uid);
  }
  /** Every pod that the runtime had something of. */
  uids(): Iterable<string> {
    return this.#last.keys();
  }
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
    const { clock, interval, signal } = this.#options;
    this.#timer?.cancel();
    if (signal.aborted) return;
    this.#timer = clock.after(this.#streaming ? intervalWithEvents : interval, () => this.#again());
  }
  /** Lists now; one list at a time. */
  #again(): void {
    const { signal, logger } = this.#options;
    if (signal.aborted) return;
    this.#listing ??= this.#list()
      .catch((error) => void (signal.aborted || logger.warn("could not list what runs", { error })))
      .finally(() => {
        this.#listing = undefined;
        this.#next();
      });
  }
  async #list(): Promise<void> {
    const { runtime, clock, metrics, onChange, onList } = this.#options;
    const began = clock.monotonic();
    const found = await runtime.summaries();
    const before = this.#last;
    this.#last = found;
    this.#healthy = clock.monotonic();
    metrics?.listed(began, this.#healthy);
    const asked = new Set(this.#asked);
    this.#asked.clear();
    for (const [uid, { fingerprint }] of found) if (before.get(uid)?.fingerprint !== fingerprint || asked.has(uid)) onChange(uid, { fingerprint, at: began });
    for (const uid of new Set([...before.keys(), ...asked])) if (!found.has(uid)) onChange(uid);
    onList(found);
  }
  async #stream(): Promise<void> {
    const { runtime, signal, clock, logger, metrics, onChange } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const event of runtime.cri.stream("GetContainerEvents", {}, signal)) {
          if (!this.#streaming) {
            this.#streaming = true;
            metrics?.streaming(true);
            this.#next();
          }
          const uid = event.podSandboxStatus?.labels[labels.podUid] ?? event.podSandboxStatus?.metadata?.uid;
          if (uid) onChange(uid);
          // Whose it is, only a list tells.
          else this.#again();
        }
      } catch (error) {
        if (signal.aborted || (error instanceof CriError && error.unimplemented)) return;
        metrics?.streaming(false);
        logger.info("the runtime's events ended", { error });
      }
      if (this.#streaming) {
        this.#streaming = false;
        this.#again();
      }
      await clock.sleep(retry, signal).catch(() => undefined);
    }
  }
}
