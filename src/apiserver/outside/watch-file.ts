/** Tells of changes of a file: at once where the system says so, and once a minute (k8s.io/apiserver/pkg/util/filesystem/watcher.go). */
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "../../base/clock.ts";

export interface WatchFileOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** May be called without need. */
  changed(): void;
}

const pollInterval = 60_000;
/** Milliseconds that a file gets to be written whole. */
const settleTime = 20;

/** Resolves when the signal ends it. The directory is watched: files that take its place are seen, and links that point elsewhere. */
export async function watchFile({ file, clock, signal, changed }: WatchFileOptions): Promise<void> {
  let waiting = false;
  const soon = (): void => {
    if (waiting || signal.aborted) return;
    waiting = true;
    clock.after(settleTime, () => {
      waiting = false;
      if (!signal.aborted) changed();
    });
  };
  const open = (): FSWatcher | undefined => {
    try {
      const watcher = watch(dirname(file), { persistent: false }, (_, name) => {
        if (name === null || name === basename(file) || name.startsWith("..")) soon();
      });
      // The next look at the file opens another one.
      watcher.on("error", () => {
        watcher.close();
        watched = undefined;
      });
      return watcher;
    } catch {
      // Not there, or too many of them: it is looked at all the same.
      return undefined;
    }
  };
  let watched: FSWatcher | undefined = open();
  soon();
  try {
    for (;;) {
      await clock.sleep(pollInterval, signal);
      watched ??= open();
      changed();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    watched?.close();
  }
}
