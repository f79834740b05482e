/**
 * What becomes of a new event given those before it; client-go's correlation (k8s.io/client-go/tools/record/events_cache.go):
 * - per source and object a burst of 25, then one in five minutes; more are dropped;
 * - ten messages of one reason within ten minutes become one event whose message says so;
 * - an equal event raises the count of the one that is there.
 */
import type { Event } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { RecentMap } from "../base/recent-map.ts";
import { TokenBucket } from "../base/token-bucket.ts";

const remembered = 4096;
const spamBurst = 25;
const spamPerSecond = 1 / 300;
const aggregateFrom = 10;
const aggregateWithin = 600_000;

interface Seen {
  count: number;
  firstTimestamp?: string;
  name: string;
}
/** `event` goes to the server: as a patch of the event `event.metadata.name` when `existing`. */
export type Correlated = { event: Event; existing: boolean; key: string };

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #buckets = new RecentMap<TokenBucket>(remembered);
  readonly #similar = new RecentMap<{ messages: Set<string>; last: number }>(remembered);
  readonly #seen = new RecentMap<Seen>(remembered);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: drop it. */
  correlate(fresh: Event): Correlated | undefined {
    const { event: candidate, key } = this.#aggregate(fresh);
    const seen = this.#seen.get(key);
    const event = seen
      ? { ...candidate, metadata: { ...candidate.metadata, name: seen.name }, firstTimestamp: seen.firstTimestamp, count: seen.count + 1 }
      : candidate;
    this.#remember(key, event);
    const spamKey = [...source(fresh), ...subject(fresh), fresh.type].join("");
    let bucket = this.#buckets.get(spamKey);
    if (!bucket) bucket = new TokenBucket(this.#clock, spamPerSecond, spamBurst);
    this.#buckets.set(spamKey, bucket);
    return bucket.tryTake() ? { event, existing: seen !== undefined, key } : undefined;
  }

  /** What the server has stored. */
  stored(key: string, event: Event): void {
    this.#remember(key, event);
  }
  /** The server no longer has it: the next equal event is new. */
  lost(key: string): void {
    this.#seen.delete(key);
  }

  #remember(key: string, event: Event): void {
    this.#seen.set(key, { count: event.count ?? 1, firstTimestamp: event.firstTimestamp, name: event.metadata.name });
  }

  #aggregate(event: Event): { event: Event; key: string } {
    const now = this.#clock.now();
    const common = [...source(event), ...subject(event), event.type, event.reason, event.reportingComponent, event.reportingInstance].join("");
    let record = this.#similar.get(common);
    if (!record || now - record.last > aggregateWithin) record = { messages: new Set(), last: now };
    record.messages.add(event.message ?? "");
    record.last = now;
    this.#similar.set(common, record);
    if (record.messages.size < aggregateFrom) {
      return { event, key: [...source(event), ...subject(event), event.involvedObject.fieldPath, event.type, event.reason, event.message].join("") };
    }
    record.messages.delete(record.messages.values().next().value as string);
    return { event: { ...event, message: `(combined from similar events): ${event.message}`, count: 1 }, key: common };
  }
}

const source = (event: Event): (string | undefined)[] => [event.source.component, event.source.host];
const subject = ({ involvedObject: o }: Event): (string | undefined)[] => [o.kind, o.namespace, o.name, o.uid, o.apiVersion];
