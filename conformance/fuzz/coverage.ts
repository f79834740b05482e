/** Which blocks of our own sources have run, from V8: an input that reaches a new one is worth changing further. */
import { type Profiler, Session } from "node:inspector";

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }
  #blocks(): string[] {
    const found: string[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (error: Error | null, answer?: Profiler.TakePreciseCoverageReturnType) => {
      if (error) throw error;
      for (const { url, scriptId, functions } of answer?.result ?? []) {
        if (!url.includes("/src/")) continue;
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) if (count) found.push(`${scriptId}:${startOffset}:${endOffset}`);
        }
      }
    });
    return found;
  }
  /** Blocks that ran since the last call and never before. */
  take(): Set<string> {
    const fresh = new Set(this.#blocks().filter((block) => !this.#seen.has(block)));
    for (const block of fresh) this.#seen.add(block);
    return fresh;
  }
  /** Whether one of the blocks ran since the last call; they are taken out. */
  reached(wanted: Set<string>): boolean {
    const before = wanted.size;
    for (const block of this.#blocks()) wanted.delete(block);
    return wanted.size < before;
  }
  get blocks(): number {
    return this.#seen.size;
  }
}
