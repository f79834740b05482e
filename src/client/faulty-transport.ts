/**
 * A process whose requests go wrong where a test says so: a decorator of any transport.
 *
 * All transports of one process (`FaultyProcess.transport`) share one count of writes, in the order in which they were
 * made, and one count of reads (watches are neither). A plan is asked before each and answers with what shall happen to it:
 * - the process dies, before the request leaves it or after it was carried out: from then on nothing leaves it any more, and
 *   all that waits rejects with ProcessKilledError;
 * - the caller gets an error although, or because, the request was (not) carried out;
 * - the request is carried out twice, and the caller gets the second answer, as after a retry below the client;
 * - the watches of the written resource end, or show nothing for a while, from this write on.
 * And independently of requests all events of a resource may come late, or twice.
 */
import type { KubeObject, WatchEvent } from "../api/object.ts";
import { StatusError } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import { type ClientRequest, type ClientResponse, type Transport, TransportError } from "./transport.ts";

export interface RequestFault {
  /** Dies "before" the request leaves, or "after" it was carried out and before the answer is read. */
  kill?: "before" | "after";
  /** The answer, instead of ("before") or after ("after") carrying out. */
  fail?: { when: "before" | "after"; error: Error };
  /** Carried out twice. */
  replay?: boolean;
  /** What happens to watches of the written resource, or to `all`, from before the request on. */
  watches?: { hold: number; all?: boolean } | { end: "expired" | "closed" };
}

export interface RequestRecord {
  /** From 1, in this process and those before it under the same plan. */
  number: number;
  method: string;
  path: string;
  body: unknown;
}

export interface FaultPlan {
  write?(record: RequestRecord): RequestFault | undefined;
  read?(record: RequestRecord): Pick<RequestFault, "fail"> | undefined;
  /** Milliseconds by which events of a collection (`/api/v1/pods`) come late. */
  delay?(collection: string): number;
  /** Every event comes twice. */
  double?: boolean;
}

export class ProcessKilledError extends TransportError {
  override name = "ProcessKilledError";
}

/** The collection that a path is in or is of, without its namespace: `/apis/apps/v1/deployments`. */
export function collectionOf(path: string): string {
  const parts = path.split("?")[0]?.split("/").slice(1) ?? [];
  const root = parts.slice(0, parts[0] === "api" ? 2 : 3);
  const rest = parts.slice(root.length);
  const scoped = rest[0] === "namespaces" && rest.length > 2 && !["status", "finalize"].includes(rest[2] as string);
  return `/${[...root, scoped ? rest[2] : rest[0]].join("/")}`;
}

const everything = "*";

export interface FaultyProcessOptions {
  clock: Clock;
  plan: FaultPlan;
  /** The counts go on from there. */
  after?: FaultyProcess;
  /** Called at once when a fault kills it. */
  onKilled?(): void;
}

export class FaultyProcess {
  readonly #options: FaultyProcessOptions;
  readonly #heldUntil = new Map<string, number>();
  readonly #ending = new Map<string, "expired" | "closed">();
  writes: number;
  reads: number;
  killed = false;

  constructor(options: FaultyProcessOptions) {
    this.#options = options;
    this.writes = options.after?.writes ?? 0;
    this.reads = options.after?.reads ?? 0;
  }

  transport(inner: Transport): Transport {
    return {
      request: (request) => this.#request(inner, request),
      watch: (request) => this.#watch(inner, request),
      stream: (request) => {
        this.#alive();
        return inner.stream(request);
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
  }

  /** From now on nothing leaves the process. */
  kill(): void {
    this.killed = true;
  }

  #alive(): void {
    if (this.killed) throw new ProcessKilledError("the process was killed");
  }

  async #request(inner: Transport, request: ClientRequest): Promise<ClientResponse> {
    this.#alive();
    const isRead = request.method === "GET";
    const record = { number: isRead ? ++this.reads : ++this.writes, method: request.method, path: request.path, body: request.body };
    const { plan } = this.#options;
    const fault: RequestFault | undefined = isRead ? plan.read?.(record) : plan.write?.(record);
    if (fault?.watches) this.#disturb(collectionOf(request.path), fault.watches);
    if (fault?.kill === "before") this.#die();
    if (fault?.fail?.when === "before") throw fault.fail.error;
    let answer: Promise<ClientResponse> = inner.request(request);
    if (fault?.replay) answer = answer.then(() => inner.request(request));
    // Whoever dies or is answered otherwise does not learn what came of it.
    if (fault?.kill || fault?.fail) await answer.catch(() => {});
    if (fault?.kill) this.#die();
    if (fault?.fail) throw fault.fail.error;
    try {
      return await answer;
    } finally {
      this.#alive();
    }
  }

  #die(): never {
    this.killed = true;
    this.#options.onKilled?.();
    throw new ProcessKilledError("the process was killed");
  }

  #disturb(collection: string, how: NonNullable<RequestFault["watches"]>): void {
    if ("hold" in how) this.#heldUntil.set(how.all ? everything : collection, this.#options.clock.now() + how.hold);
    else this.#ending.set(collection, how.end);
  }

  #held(collection: string): number {
    return Math.max(this.#heldUntil.get(collection) ?? 0, this.#heldUntil.get(everything) ?? 0);
  }

  async *#watch(inner: Transport, request: ClientRequest): AsyncGenerator<WatchEvent<KubeObject>> {
    this.#alive();
    const { clock, plan } = this.#options;
    const collection = collectionOf(request.path);
    const arrivals = new Arrivals(inner.watch(request));
    const delay = plan.delay?.(collection) ?? 0;
    try {
      for (let next = await arrivals.next(clock); next; next = await arrivals.next(clock)) {
        const due = (): number => Math.max(next.at + delay, this.#held(collection)) - clock.now();
        for (let wait = due(); wait > 0; wait = due()) await clock.sleep(wait, request.signal);
        this.#alive();
        const end = this.#ending.get(collection);
        this.#ending.delete(collection);
        if (end === "closed") return;
        if (end === "expired") throw new StatusError({ code: 410, reason: "Expired", message: "too old resource version" });
        yield next.event;
        if (plan.double) yield next.event;
      }
    } finally {
      arrivals.stop();
    }
  }
}

/** Reads events as they come, so that a delay counts from the arrival of each. */
class Arrivals {
  readonly #iterator: AsyncIterator<WatchEvent<KubeObject>>;
  readonly #waiting: { event: WatchEvent<KubeObject>; at: number }[] = [];
  #pump: Promise<void> | undefined;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(events: AsyncIterable<WatchEvent<KubeObject>>) {
    this.#iterator = events[Symbol.asyncIterator]();
  }

  /** Undefined at the end; rejects when the watch did, after what had come before. */
  async next(clock: Clock): Promise<{ event: WatchEvent<KubeObject>; at: number } | undefined> {
    this.#pump ??= this.#read(clock);
    for (;;) {
      const first = this.#waiting.shift();
      if (first) return first;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  stop(): void {
    this.#ended = true;
    this.#iterator.return?.()?.catch(() => {});
  }

  async #read(clock: Clock): Promise<void> {
    try {
      for (let next = await this.#iterator.next(); !next.done && !this.#ended; next = await this.#iterator.next()) {
        this.#waiting.push({ event: next.value, at: clock.now() });
        this.#wake?.();
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#ended = true;
    this.#wake?.();
  }
}
