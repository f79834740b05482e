/**
 * How many seats a request takes (k8s.io/apiserver/pkg/util/flowcontrol/request): a list by the bytes that it holds in memory, a
 * write by the watches that it concerns, all else one.
 */
import { groupResource } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import type { Extent } from "../../cache/resource.ts";
import { queryBool, type RequestInfo } from "../request-info.ts";
import type { Work } from "./queue-set.ts";

export const oneSeat: Work = { initialSeats: 1, finalSeats: 0, additionalLatency: 0 };

const listSeats = 100;
const writeSeats = 10;
const bytesPerSeat = 100_000;
/** A list from the cache is sent in pieces; no more of it is in memory at once. */
const streamedBytes = 1_000_000;
const watchesPerSeat = 10;
/** Milliseconds that a seat's watches take for an event: ours, not upstream's 5 (docs/decisions/0010-seats-of-events.md). */
const eventTime = 0.5;
/** Milliseconds for which the extent of a resource is believed. */
const kept = 60_000;
const writes = new Set(["create", "update", "patch", "delete"]);

const capped = (seats: number, levelSeats: number, all: number): number => Math.max(1, Math.min(seats, levelSeats > 0 ? Math.min(levelSeats, all) : all));

/** Of a list, or of a watch that begins with one. */
export function listWork(info: RequestInfo, query: URLSearchParams, extent: Extent | undefined, levelSeats: number): Work {
  if (info.verb === "watch") {
    const version = query.get("resourceVersion");
    if (version && version !== "0" && !queryBool(query.get("sendInitialEvents"))) return oneSeat;
  }
  if (!extent) return oneSeat;
  const limit = Number(query.get("limit") ?? 0);
  const limited = limit > 0 && limit < extent.objects ? limit : extent.objects;
  const bytes = Math.min((info.name ? 1 : limited) * extent.averageBytes, streamedBytes);
  const seats = capped(Math.ceil(bytes / bytesPerSeat), levelSeats, listSeats);
  return seats === 1 ? oneSeat : { ...oneSeat, initialSeats: seats };
}

/** Of a write that so many watches hear of. */
export function writeWork(watches: number, levelSeats: number): Work {
  if (watches < watchesPerSeat) return oneSeat;
  const wanted = Math.ceil(watches / watchesPerSeat);
  const finalSeats = capped(wanted, levelSeats, writeSeats);
  // The same work, narrower and longer.
  return { initialSeats: 1, finalSeats, additionalLatency: (wanted * eventTime) / finalSeats };
}

export class WorkEstimator {
  readonly #clock: Clock;
  readonly #extentOf: (resource: string) => Extent | undefined;
  readonly #extents = new Map<string, { extent: Extent | undefined; until: number }>();

  constructor(clock: Clock, extentOf: (resource: string) => Extent | undefined) {
    this.#clock = clock;
    this.#extentOf = extentOf;
  }
  /** `levelSeats`: what the priority level gives one request at most; 0: it does not say. `watches`: how many hear of a write. */
  estimate(info: RequestInfo, query: URLSearchParams, levelSeats: number, watches: () => number): Work {
    if (info.verb === "list" || info.verb === "watch") return listWork(info, query, info.isResource ? this.#extent(info) : undefined, levelSeats);
    if (!writes.has(info.verb)) return oneSeat;
    // A token is no event.
    if (info.resource === "serviceaccounts" && info.subresource === "token") return oneSeat;
    return writeWork(watches(), levelSeats);
  }
  #extent({ group, resource }: RequestInfo): Extent | undefined {
    const key = groupResource(group, resource);
    const known = this.#extents.get(key);
    const now = this.#clock.monotonic();
    if (known && known.until > now) return known.extent;
    const extent = this.#extentOf(key);
    // What is not held may be anything that somebody asks for.
    if (extent) this.#extents.set(key, { extent, until: now + kept });
    return extent;
  }
}
