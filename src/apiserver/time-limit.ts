/** How long requests may take (k8s.io/apiserver/pkg/server/filters/timeout.go): one timer for all that run. */
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { badRequest } from "../api/status.ts";
import { parseDuration, TimeError } from "../api/time.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { PassingMap } from "../base/passing-map.ts";
import { LazyAbort, onAbort } from "./lazy-abort.ts";
import { whenEnded } from "./when-ended.ts";

/** Throws and rejects with what is refused. */
type Work = (request: ApiRequest) => Promise<ApiResponse>;

/** The same request; its signal is aborted by the limit as well. Made for those who ask: most are answered before. */
class BoundRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Record<string, string | undefined>;
  declare repeatedHeaders?: Record<string, string[] | undefined>;
  declare body?: Uint8Array | AsyncIterable<Uint8Array>;
  declare object?: unknown;
  declare asObject?: boolean;
  declare user?: NonNullable<ApiRequest["user"]>;
  declare clientCertificates?: readonly Uint8Array[];
  declare span?: NonNullable<ApiRequest["span"]>;
  readonly remoteAddress: string;
  declare cbor?: boolean;
  readonly #outer: ApiRequest;
  #abort?: LazyAbort;
  #expired?: Error;
  #unasked?: () => void;

  constructor(outer: ApiRequest) {
    this.method = outer.method;
    this.path = outer.path;
    this.query = outer.query;
    this.headers = outer.headers;
    if (outer.repeatedHeaders) this.repeatedHeaders = outer.repeatedHeaders;
    if (outer.body) this.body = outer.body;
    if (outer.object !== undefined) this.object = outer.object;
    if (outer.asObject) this.asObject = outer.asObject;
    if (outer.user) this.user = outer.user;
    if (outer.clientCertificates) this.clientCertificates = outer.clientCertificates;
    this.remoteAddress = outer.remoteAddress;
    if (outer.cbor) this.cbor = true;
    this.#outer = outer;
  }
  get signal(): AbortSignal {
    return this.#aborts().signal;
  }
  onAbort(fn: (reason: unknown) => void): () => void {
    return this.#aborts().onAbort(fn);
  }
  expire(error: Error): void {
    this.#expired = error;
    this.#abort?.abort(error);
  }
  settled(): void {
    this.#unasked?.();
  }
  #aborts(): LazyAbort {
    if (this.#abort) return this.#abort;
    const abort = new LazyAbort();
    this.#abort = abort;
    if (this.#expired) abort.abort(this.#expired);
    else this.#unasked = onAbort(this.#outer, (reason) => abort.abort(reason));
    return abort;
  }
}

/** Milliseconds that a client gives its request, `longest` at most (endpoints/filters/request_deadline.go). Throws 400. */
export function askedLimit(query: URLSearchParams, longest: number): number {
  const text = query.size === 0 ? null : query.get("timeout");
  if (!text) return longest;
  try {
    const asked = parseDuration(text);
    return asked > 0 && asked < longest ? asked : longest;
  } catch (error) {
    if (error instanceof TimeError) throw badRequest(`invalid timeout specified in the request URL - ${error.message}`);
    throw error;
  }
}

/** A request that is worked on, or its answer sent in chunks. */
class Running {
  readonly request: BoundRequest;
  /** By the clock's monotonic(). */
  readonly until: number;
  readonly expire: () => void;
  readonly cut: () => void;
  sooner?: Timer;
  /** Of an answer in chunks. */
  late?: AbortController;

  constructor(request: BoundRequest, until: number, expire: () => void, cut: () => void) {
    this.request = request;
    this.until = until;
    this.expire = expire;
    this.cut = cut;
  }
  expired(): void {
    this.request.expire(new Error("the request took too long"));
    if (this.late) {
      this.cut();
      this.late.abort(new Error("the answer took too long"));
    } else this.expire();
  }
}

export class TimeLimit {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #ending: AbortSignal;
  /** In the order of their ends, for all have the same time. */
  readonly #running = new PassingMap<number, Running>();
  #count = 0;
  #timer?: Timer;

  /** Once `ending` is aborted, no timer outlives the last request. */
  constructor(clock: Clock, ms: number, ending: AbortSignal) {
    this.#clock = clock;
    this.#ms = ms;
    this.#ending = ending;
    ending.addEventListener("abort", () => this.#rest(), { once: true });
  }
  /**
   * What `work` gives; rejects with what `expired` makes when that takes longer than `ms`, or than all may, and tells what
   * still runs to stop. An answer in chunks has to be sent in that time as well: otherwise it is cut, and `cut` is told.
   */
  run(request: ApiRequest, work: Work, ms: number, expired: () => Error, cut: () => void = () => undefined): Promise<ApiResponse> {
    const bound = new BoundRequest(request);
    const number = ++this.#count;
    return new Promise((resolve, reject) => {
      const running = new Running(bound, this.#clock.monotonic() + this.#ms, () => reject(expired()), cut);
      this.#running.set(number, running);
      this.#timer ??= this.#clock.after(this.#ms, () => this.#sweep());
      // The few that have less time than the others have a timer of their own.
      if (ms < this.#ms) running.sooner = this.#clock.after(ms, () => this.#expire(number));
      const failed = (error: unknown): void => {
        this.#settled(number, running);
        reject(error);
      };
      try {
        work(bound).then((answer) => resolve(this.#answered(number, running, answer)), failed);
      } catch (error) {
        failed(error);
      }
    });
  }
  #answered(number: number, running: Running, answer: ApiResponse): ApiResponse {
    if (!answer.body || answer.body instanceof Uint8Array || !this.#running.has(number)) {
      this.#settled(number, running);
      return answer;
    }
    running.late = new AbortController();
    return whenEnded({ ...answer, cut: running.late.signal }, () => this.#settled(number, running));
  }
  #settled(number: number, running: Running): void {
    running.sooner?.cancel();
    this.#running.delete(number);
    running.request.settled();
    this.#rest();
  }
  #rest(): void {
    if (!this.#ending.aborted || this.#running.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const number of this.#running.keys()) {
      const running = this.#running.get(number) as Running;
      if (running.until > now) {
        this.#timer = this.#clock.after(running.until - now, () => this.#sweep());
        return;
      }
      this.#expire(number);
    }
  }
  #expire(number: number): void {
    const running = this.#running.get(number);
    if (!running) return;
    this.#running.delete(number);
    running.expired();
  }
}
