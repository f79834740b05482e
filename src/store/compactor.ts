/** Forgets history after a while, as kube-apiserver does with etcd (storage/etcd3/compact.go): what is older than one to two intervals. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { StoreError, type Store } from "./store.ts";

export interface CompactorOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  /** kube-apiserver's --etcd-compaction-interval. @default 300000 */
  intervalMs?: number;
  /** Ends it. */
  signal: AbortSignal;
}

/** Resolves when the signal aborts. A compaction that fails is logged and tried again an interval later. */
export async function compactRegularly(options: CompactorOptions): Promise<void> {
  const { store, clock, logger, signal, intervalMs = 300_000 } = options;
  let seen = 0;
  while (!signal.aborted) {
    try {
      const now = await store.revision();
      if (seen > 0) await store.compact(seen);
      seen = now;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StoreError)) throw error;
      logger.warn("history was not compacted", { error });
    }
    await clock.sleep(intervalMs, signal).catch((reason: unknown) => {
      if (!signal.aborted) throw reason;
    });
  }
}
