/**
 * Lists, then watches one resource, for ever: the protocol behind an informer.
 *
 * States: list (from the cache at first, never older than what was seen, consistent after 410), watch (from the list's
 * version, resumed from the last event or bookmark when the server ends it), wait (back-off after a failure).
 * 410 at any point leads to list; any other failure of a watch resumes it from the last version.
 */
import type { KubeObject } from "../api/object.ts";
import { isExpired, isNotFound, StatusError } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Backoff } from "./backoff.ts";
import type { ResourceClient } from "./client.ts";
import { retryAfterOf } from "./failure.ts";

export interface ReflectorTarget<T extends KubeObject> {
  /** The whole state; what it lacks has been deleted. */
  replace(items: T[], resourceVersion: string): void;
  /** `type` is ADDED, MODIFIED or DELETED. */
  change(type: string, object: T): void;
  /** Nothing older than this will come. */
  progress(resourceVersion: string): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  client: ResourceClient<T>;
  selection: { namespace?: string; labelSelector?: string; fieldSelector?: string };
  target: ReflectorTarget<T>;
  clock: Clock;
  logger: Logger;
  random?: Random;
}

const pageSize = 500;
/** Seconds; the server ends a watch after a random time in this range, which spreads the load of resuming. */
const shortestWatch = 300;

/** Runs until the signal aborts; never rejects. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const { client, selection, target, clock, logger, random = systemRandom } = options;
  const backoff = new Backoff(clock, { initial: 800, max: 30_000, resetAfter: 120_000, random });
  let version: string | undefined;
  let mustList = true;
  let expired = false;
  /** What is not served may stay so for ever: that is said once. */
  let unserved = false;
  while (!signal.aborted) {
    try {
      if (mustList) {
        version = await listAll(client, selection, version === undefined ? "0" : expired ? "" : version, target, signal);
        mustList = expired = unserved = false;
      }
      const started = clock.monotonic();
      let events = 0;
      const watch = client.watch({
        ...selection,
        resourceVersion: version,
        allowWatchBookmarks: true,
        timeoutSeconds: shortestWatch + random.int(shortestWatch),
        signal,
      });
      for await (const event of watch) {
        events++;
        version = event.object.metadata.resourceVersion;
        if (event.type === "BOOKMARK") target.progress(version);
        else target.change(event.type, event.object);
      }
      if (events === 0 && clock.monotonic() - started < 1000) throw new Error("watch ended at once without an event");
    } catch (error) {
      if (signal.aborted) return;
      if (isExpired(error)) {
        logger.debug("position expired, listing again", { version });
        mustList = expired = true;
        continue;
      }
      const wait = retryAfterOf(error) ?? backoff.next();
      logger[unserved ? "debug" : "warn"](mustList ? "list failed" : "watch failed", { error, waitMs: Math.round(wait) });
      unserved = mustList && isNotFound(error);
      await clock.sleep(wait, signal).catch(() => {});
    }
  }
}

async function listAll<T extends KubeObject>(
  client: ResourceClient<T>,
  selection: ReflectorOptions<T>["selection"],
  resourceVersion: string,
  target: ReflectorTarget<T>,
  signal: AbortSignal,
): Promise<string> {
  let page = await client.list({ ...selection, resourceVersion, limit: pageSize, signal }).catch((error) => {
    // A version that the server has forgotten, or has not seen yet.
    if (resourceVersion && (isExpired(error) || isTooLarge(error))) return client.list({ ...selection, limit: pageSize, signal });
    throw error;
  });
  let items = page.items ?? [];
  while (page.metadata.continue) {
    try {
      page = await client.list({ ...selection, limit: pageSize, continue: page.metadata.continue, signal });
      items = items.concat(page.items ?? []);
    } catch (error) {
      if (!isExpired(error)) throw error;
      page = await client.list({ ...selection, resourceVersion: "", signal });
      items = page.items ?? [];
    }
  }
  const version = page.metadata.resourceVersion ?? "";
  target.replace(items, version);
  return version;
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof StatusError && error.status.details?.causes?.some((c) => c.reason === "ResourceVersionTooLarge") === true;
