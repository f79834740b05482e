/**
 * Reads a container's log file as `kubectl logs` asks: the tail, since a time, with timestamps, following what is still
 * written through rotations (k8s.io/cri-client/pkg/logs/logs.go). Yields a buffer for each chunk read, not for each line.
 */
import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { LineFilter } from "./line-filter.ts";
import type { LogOptions } from "./log-options.ts";

const chunkSize = 256 << 10;
const newline = 10;
/** Milliseconds after which a quiet file is looked at again even when no notification came. */
const idle = 1000;

export interface LogSource {
  path: string;
  /** Asked at the end of the file while following. */
  stillRunning(): Promise<boolean>;
  clock: Clock;
  signal: AbortSignal;
}

export async function* readLog(source: LogSource, options: LogOptions): AsyncGenerator<Uint8Array> {
  const { path, clock, signal } = source;
  let file = await open(path, "r");
  const changes = options.follow ? new Changes(path, clock) : undefined;
  try {
    const filter = new LineFilter(options, clock.now());
    let at = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines);
    let buffer = Buffer.allocUnsafe(chunkSize);
    // Bytes at the buffer's front that no newline has ended yet.
    let kept = 0;
    for (;;) {
      if (signal.aborted) return;
      if (kept === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, at);
      if (bytesRead > 0) {
        at += bytesRead;
        const filled = kept + bytesRead;
        const end = buffer.lastIndexOf(newline, filled - 1) + 1;
        if (end > 0) {
          const out = filter.take(buffer.subarray(0, end));
          buffer.copyWithin(0, end, filled);
          if (out.length) yield out;
          if (filter.full) return;
        }
        kept = filled - end;
        continue;
      }
      if (!changes) break;
      const next = await rotated(file, path);
      if (next) {
        await file.close();
        file = next;
        at = 0;
        kept = 0;
        continue;
      }
      // Asked before the last look at the file, so that what was written just before the end is still seen.
      if (!(await source.stillRunning()) && (await file.stat()).size <= at) break;
      await changes.next(signal);
    }
    const out = filter.take(buffer.subarray(0, kept));
    if (out.length) yield out;
  } finally {
    changes?.close();
    await file.close();
  }
}

/** The file that took the place of an open one, or undefined. */
async function rotated(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const current = await stat(path).catch(() => undefined);
  if (!current || current.ino === (await file.stat()).ino) return undefined;
  return open(path, "r").catch(() => undefined);
}

/** Notifications of the file's directory, because rotation replaces the file itself. */
class Changes {
  readonly #watcher: FSWatcher;
  readonly #clock: Clock;
  #seen = false;
  #wake: (() => void) | undefined;
  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    this.#watcher = watch(dirname(path), () => {
      this.#seen = true;
      this.#wake?.();
    });
    this.#watcher.on("error", () => this.#watcher.close());
  }
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#seen) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          timer.cancel();
          signal.removeEventListener("abort", done);
          this.#wake = undefined;
          resolve();
        };
        const timer = this.#clock.after(idle, done);
        signal.addEventListener("abort", done, { once: true });
        this.#wake = done;
      });
    }
    this.#seen = false;
  }
  close(): void {
    this.#watcher.close();
  }
}

/** Offset at which the last `lines` lines begin. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const buffer = Buffer.allocUnsafe(chunkSize);
  let found = 0;
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - chunkSize);
    const { bytesRead } = await file.read(buffer, 0, end - from, from);
    const text = buffer.subarray(0, bytesRead);
    for (let at = text.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(newline, at - 1)) {
      // The newline that ends the file ends its last line.
      if (from + at === size - 1) continue;
      if (++found === lines) return from + at + 1;
    }
    end = from;
  }
  return 0;
}
