/** Runs controllers: queues, workers, informers shared among them, and each one's own client and event source. */
import { isConflict, isNotFound } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../../client/events.ts";
import { createInformerFactory, type InformerFactory, withoutManagedFields } from "../../client/factory.ts";
import { retryAfterOf } from "../../client/failure.ts";
import { Workqueue } from "../../client/workqueue.ts";
import type { Controller } from "./controller.ts";
import { Measures } from "./measures.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { ControllerOptions } from "./options.ts";

export interface RunControllersOptions {
  controllers: readonly Controller[];
  /** By service account name; "shared-informers" is the reader of all, system:kube-controller-manager upstream. */
  clientFor(name: string): Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  options?: ControllerOptions;
  /** Keys worked on at once, by the controller's name, where that is not the controller's own number. */
  workers?: Readonly<Record<string, number>>;
  metrics?: ControllerMetrics;
}

export interface RunningControllers extends AsyncDisposable {
  /** Resolves when all caches have been filled and the workers run. */
  started: Promise<void>;
  /** True when no key waits or is being worked on; delayed keys do not count. */
  readonly quiet: boolean;
}

export function runControllers(options: RunControllersOptions): RunningControllers {
  const { clock, random, logger } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const measures = options.metrics?.measures ?? new Measures();
  const informers = createInformerFactory({
    client: options.clientFor("shared-informers"),
    clock,
    random,
    logger: logger.child("informers"),
    project: withoutManagedFields,
  });
  const recorders: EventRecorder[] = [];
  let begun = false;
  const running = options.controllers.map((controller) => {
    const observer = options.metrics?.observer(controller.name, () => queue.length);
    const queue: Workqueue = new Workqueue({ clock, ...(observer ? { observer } : {}) });
    const client = options.clientFor(controller.account);
    const log = logger.child(controller.name);
    const events = createEventRecorder({ client, clock, random, logger: log, component: controller.component ?? controller.account, signal });
    recorders.push(events);
    const enqueue = (key: string, afterMs = 0): void => queue.addAfter(key, afterMs);
    const caches: Promise<void>[] = [];
    const own: InformerFactory = {
      ...informers,
      informer(resource, selection) {
        const informer = informers.informer(resource, selection);
        if (!begun) caches.push(informer.synced(signal));
        return informer;
      },
    };
    const reconcile = controller.start({
      client,
      informers: own,
      events,
      clock,
      random,
      logger: log,
      options: options.options ?? {},
      measures,
      signal,
      enqueue,
    });
    const work = async (): Promise<void> => {
      for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
        try {
          const outcome = await reconcile(key);
          if (outcome && "retry" in outcome) queue.addRateLimited(key);
          else queue.forget(key);
          if (outcome && "requeueAfter" in outcome) queue.addAfter(key, outcome.requeueAfter);
        } catch (error) {
          if (signal.aborted) return;
          // The cache was behind: the next look will know better.
          const stale = isConflict(error) || isNotFound(error);
          log[stale ? "debug" : "warn"]("reconcile failed, will be retried", { key, error, retries: queue.retries(key) });
          queue.addRateLimited(key, retryAfterOf(error));
        } finally {
          queue.done(key);
        }
      }
    };
    return { name: controller.name, queue, caches, workers: options.workers?.[controller.name] ?? controller.workers ?? 5, work };
  });
  begun = true;
  const workers: Promise<void>[] = [];
  informers.start(signal);
  // An API that is not served is no reason for controllers to wait that have nothing to do with it.
  const started = Promise.all(
    running.map(async ({ name, caches, workers: count, work }) => {
      await Promise.all(caches);
      for (let i = 0; i < count; i++) workers.push(work());
      options.metrics?.running(name, true);
    }),
  ).then(() => {});
  started.catch(() => {});
  return {
    started,
    get quiet() {
      return running.every(({ queue }) => queue.quiet);
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("controllers stopped"));
      for (const { queue } of running) queue.close();
      for (const { name } of options.controllers) options.metrics?.running(name, false);
      await Promise.all(workers);
      await Promise.all(recorders.map((recorder) => recorder.flush()));
    },
  };
}
