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
  const rotation = new LogRotation({
    cri,
    clock,
    logger,
    maxSize: config.containerLogMaxSize,
    maxFiles: config.containerLogMaxFiles,
    workers: config.containerLogMaxWorkers,
  });
  const rotationInterval = config.containerLogMonitorInterval;
  // Without a limit nothing is rotated.
  if (config.containerLogMaxSize > 0)
    every(rotationInterval, rotationInterval, "could not rotate logs", async () => {
      await rotation.checkAll(options.runningLogs());
      return undefined;
    });
  let failedBefore = false;
  every(imageInterval, imageInterval, "could not remove unused images", async () => {
    try {
      await options.images.run();
      failedBefore = false;
    } catch (error) {
      // Once is no event: at the start the runtime may not know its disk yet.
      if (failedBefore) events.node("Warning", "ImageGCFailed", (error as Error).message);
      failedBefore = true;
      throw error;
    }
  });
  every(orphanInterval, 0, "could not remove what pods left behind", async () => {
    const known = options.knownPods();
    if (known) await cleanup.removeOrphans(known);
    else return soon;
  });
}
