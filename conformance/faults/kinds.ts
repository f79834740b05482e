/** The kinds of faults, each a plan for one point of a run. */
import { StatusError } from "../../src/api/status.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { FaultPlan, RequestFault, RequestRecord } from "../../src/client/faulty-transport.ts";
import { TransportError } from "../../src/client/transport.ts";

/** Milliseconds for which a cache shows nothing new. */
const stale = 3000;
/** Milliseconds by which events come late. */
const lateness = 1500;
const failing = (code: number, reason: string, message: string, retryAfterSeconds?: number): Error =>
  new StatusError({ code, reason, message, ...(retryAfterSeconds ? { details: { retryAfterSeconds } } : {}) });
const conflict = (): Error =>
  failing(409, "Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again");
const busy = (): Error => failing(429, "TooManyRequests", "too many requests, please try again later", 1);
const internal = (): Error => failing(500, "InternalError", "Internal error occurred: injected");
const timeout = (): Error => new TransportError("net/http: request canceled (Client.Timeout exceeded while awaiting headers)");
const gatewayTimeout = (): Error => failing(504, "Timeout", "Timeout: request did not complete within the allotted timeout");

/** At one write. */
export const writeFaults: Record<string, () => RequestFault> = {
  "kill-before": () => ({ kill: "before" }),
  "kill-after": () => ({ kill: "after" }),
  conflict: () => ({ fail: { when: "before", error: conflict() } }),
  busy: () => ({ fail: { when: "before", error: busy() } }),
  "error-before": () => ({ fail: { when: "before", error: internal() } }),
  "error-after": () => ({ fail: { when: "after", error: internal() } }),
  "timeout-before": () => ({ fail: { when: "before", error: timeout() } }),
  "timeout-after": () => ({ fail: { when: "after", error: timeout() } }),
  /** Nobody knows what came of it, and the cache does not show it for a while. */
  "lost-and-stale": () => ({ fail: { when: "after", error: gatewayTimeout() }, watches: { hold: stale } }),
  /** The same, and no cache shows anything. */
  "lost-and-blind": () => ({ fail: { when: "after", error: gatewayTimeout() }, watches: { hold: stale, all: true } }),
  "conflict-after": () => ({ fail: { when: "after", error: conflict() } }),
  replay: () => ({ replay: true }),
  stale: () => ({ watches: { hold: stale } }),
  expired: () => ({ watches: { end: "expired" } }),
  closed: () => ({ watches: { end: "closed" } }),
};
/** At one write of an event: they follow the others, and nothing may depend on them. */
export const eventFaults: Record<string, () => RequestFault> = {
  "event-kill": () => ({ kill: "before" }),
  "event-lost": () => ({ fail: { when: "after", error: timeout() } }),
};
/** At one read. */
export const readFaults: Record<string, () => Pick<RequestFault, "fail">> = {
  "read-error": () => ({ fail: { when: "before", error: internal() } }),
  "read-timeout": () => ({ fail: { when: "before", error: timeout() } }),
};
/** Throughout the run. */
export const runFaults: Record<string, FaultPlan> = {
  double: { double: true },
  late: {},
};

/** Of each write, in a run with `chaos@SEED`, and how many of a run at most: in the end all must be able to go well. */
const chaosShare = 0.15;
const chaosLimit = 15;

/** Written `KIND`, or `KIND@NUMBER` for one write or read. */
export interface FaultPoint {
  kind: string;
  at?: number;
}
export const nameOf = ({ kind, at }: FaultPoint): string => (at === undefined ? kind : `${kind}@${at}`);

export function parsePoint(text: string): FaultPoint {
  const [kind = "", at] = text.split("@");
  if (kind.startsWith("late:") || kind in runFaults) return { kind };
  const single = { ...writeFaults, ...eventFaults, ...readFaults };
  if (!(kind in single) && kind !== "chaos")
    throw new Error(`no fault ${kind}; there are ${[...Object.keys({ ...single, ...runFaults }), "late:RESOURCE", "chaos"].join(", ")}`);
  if (!at || !/^[1-9]\d*$/.test(at)) throw new Error(`${text}: ${kind} needs the number of a request: ${kind}@1`);
  return { kind, at: Number(at) };
}

/** Of a kind that makes no sense for a request. */
export function isPossible(kind: string, write: RequestRecord): boolean {
  const generated = write.method === "POST" && (write.body as { metadata?: { generateName?: string; name?: string } })?.metadata?.name === undefined;
  // Below the client nobody repeats what would be made twice.
  if (kind === "replay") return !generated;
  // A conflict after the commit is the answer to a repetition.
  if (kind === "conflict-after") return write.method === "PUT" || write.method === "PATCH";
  return true;
}

const isEvent = (record: RequestRecord): boolean => /\/events(\/|$)/.test(record.path);

export interface Asked {
  /** All but those of events. */
  writes: RequestRecord[];
  events: RequestRecord[];
  reads: RequestRecord[];
  /** Names of the resources that the controller watches. */
  watched: Set<string>;
}

/** Records what is asked, and lets the point go wrong. */
export function planOf(point: FaultPoint | undefined, { writes, events, reads, watched }: Asked): FaultPlan {
  const kind = point?.kind ?? "";
  const random = seededRandom(point?.at ?? 0);
  let faults = 0;
  const chaos = (record: RequestRecord): RequestFault | undefined => {
    const chance = random.next();
    const possible = Object.keys(writeFaults).filter((one) => isPossible(one, record));
    const chosen = possible[random.int(possible.length)] as string;
    if (chance >= chaosShare || faults >= chaosLimit) return undefined;
    faults++;
    return writeFaults[chosen]?.();
  };
  const late = kind.startsWith("late:") ? kind.slice("late:".length) : undefined;
  return {
    ...(runFaults[kind] ?? {}),
    delay(collection) {
      const resource = collection.slice(collection.lastIndexOf("/") + 1);
      watched.add(resource);
      return kind === "late" || late === resource ? lateness : 0;
    },
    write(record) {
      if (isEvent(record)) return events.push(record) === point?.at ? eventFaults[kind]?.() : undefined;
      writes.push(record);
      if (kind === "chaos") return chaos(record);
      return writes.length === point?.at ? writeFaults[kind]?.() : undefined;
    },
    read(record) {
      reads.push(record);
      return reads.length === point?.at ? readFaults[kind]?.() : undefined;
    },
  };
}
