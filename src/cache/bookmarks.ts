/** Bookmarks of a watch: once a minute, and shortly before it has to end. */
import type { Clock } from "../base/clock.ts";
import type { Watcher } from "./watcher.ts";

const everyMs = 60_000;
const beforeDeadlineMs = 2_000;

/** What they need of the cache. */
export interface BookmarkHost {
  readonly clock: Clock;
  told(): number;
}

/** Gives what ends them. */
export function sendBookmarks(host: BookmarkHost, watcher: Watcher): () => void {
  const { clock } = host;
  const send = (): void => watcher.bookmark(host.told());
  const again = (): void => {
    send();
    timer = clock.after(everyMs, again);
  };
  let timer = clock.after(everyMs, again);
  const { deadline } = watcher.options;
  const final = deadline === undefined ? undefined : clock.after(deadline - beforeDeadlineMs - clock.monotonic(), send);
  return () => {
    timer.cancel();
    final?.cancel();
  };
}
