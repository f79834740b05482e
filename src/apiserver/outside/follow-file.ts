/** Tells when a file may have changed: as the operating system says so, and regularly beside (k8s.io/apiserver/pkg/util/filesystem). */
import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../base/clock.ts";

export interface FollowedFile {
  file: string;
  /** Milliseconds between looks where nothing is heard. */
  interval: number;
  clock: Clock;
  signal: AbortSignal;
  /** Never twice at the same time; whether anything did change is for it to see. */
  changed(): Promise<void> | void;
}

/** Milliseconds in which what happens to a file is one change: it is written in several steps. */
const settle = 20;

/** Resolves when the signal is aborted. */
export async function followFile({ file, interval, clock, signal, changed }: FollowedFile): Promise<void> {
  let heard = false;
  let wake: () => void = () => undefined;
  const tell = (): void => {
    heard = true;
    wake();
  };
  // The directory, because files are replaced as often as they are written, and links to them (Secrets) are exchanged.
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), { persistent: false }, tell);
    watcher.on("error", () => watcher?.close());
  } catch {
    // No more of them can be watched: what is left are the regular looks.
  }
  const stop = (): void => wake();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      if (!heard)
        await new Promise<void>((resolve) => {
          const timer = clock.after(interval, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
      if (signal.aborted) return;
      if (heard) await clock.sleep(settle, signal).catch(() => undefined);
      heard = false;
      if (!signal.aborted) await changed();
    }
  } finally {
    signal.removeEventListener("abort", stop);
    watcher?.close();
  }
}
