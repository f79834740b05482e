/** What has to be done now and then: rotating logs, removing unused images, removing what pods left behind. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import type { Cleanup } from "./cleanup.ts";
import type { KubeletConfig } from "./config.ts";
import type { ImageGc } from "./image-gc.ts";
import { LogRotation } from "./log-rotation.ts";
import type { PodEvents } from "./pod-events.ts";

export interface HousekeepingOptions {
  config: KubeletConfig;
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  cleanup: Cleanup;
  images: ImageGc;
  signal: AbortSignal;
  /** Logs of the containers that run. */
  runningLogs(): Iterable<{ id: string; path: string }>;
  /** Uids of pods that are known here or to the runtime; undefined while the API has not told which pods there are. */
  knownPods(): ReadonlySet<string> | undefined;
}

const rotationInterval = 10_000;
const imageInterval = 300_000;
const orphanInterval = 120_000;
const soon = 1000;

export function startHousekeeping(options: HousekeepingOptions): void {
  const { config, cri, clock, logger, events, cleanup, signal } = options;
  const every = (ms: number, first: number, what: string, work: () => Promise<number | undefined>): void => {
    const next = (delay: number): void => {
      clock.after(delay, () => {
        if (signal.aborted) return;
        work()
          .catch((error: unknown) => void logger.warn(what, { error }))
          .then((delay) => next(delay ?? ms));
      });
    };
    next(first);
  };
  const rotation = new LogRotation({ cri, clock, maxSize: config.containerLogMaxSize, maxFiles: config.containerLogMaxFiles });
  every(rotationInterval, rotationInterval, "could not rotate a log", async () => {
    for (const { id, path } of options.runningLogs()) await rotation.check(id, path);
  });
  every(imageInterval, imageInterval, "could not remove unused images", async () => {
    try {
      await options.images.run();
    } catch (error) {
      events.node("Warning", "ImageGCFailed", (error as Error).message);
      throw error;
    }
  });
  every(orphanInterval, 0, "could not remove what pods left behind", async () => {
    const known = options.knownPods();
    if (known) await cleanup.removeOrphans(known);
    else return soon;
  });
}
