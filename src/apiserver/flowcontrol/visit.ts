/** One request before the limiter: let through once, and gone once, whatever becomes of it. */
import type { ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { Sample } from "../../base/metrics.ts";
import type { RequestInfo } from "../request-info.ts";
import { whenEnded } from "../when-ended.ts";
import type { Limiter, Passage } from "./limiter.ts";
import { isReading } from "./max-in-flight.ts";

export interface Gate {
  readonly limiter: Limiter;
  readonly clock: Clock;
  /** Requests that are carried out now. */
  readonly inflight: { readonly readOnly: Sample; readonly mutating: Sample };
  /** Those that wait for their turn. */
  readonly inqueue: { readonly readOnly: Sample; readonly mutating: Sample };
}

export class Visit {
  readonly #gate: Gate;
  readonly #info: RequestInfo;
  readonly #isLong: boolean;
  /** Milliseconds that the request may take. */
  readonly #limit: number;
  #passage: Passage | undefined;
  #sample: Sample | undefined;
  #over = false;
  /** Seconds that it waited for its turn. */
  waited = 0;

  constructor(gate: Gate, info: RequestInfo, isLong: boolean, limit: number) {
    this.#gate = gate;
    this.#info = info;
    this.#isLong = isLong;
    this.#limit = limit;
  }
  /** A promise only where the request has to wait, for a quarter of its time at most. Throws and rejects with TooManyRequests. */
  enter(request: ApiRequest, user: UserInfo): Promise<void> | undefined {
    const passage = this.#gate.limiter.enter(request, this.#info, user, this.#isLong, this.#limit / 4);
    if (passage instanceof Promise) return this.#wait(passage, request);
    if (passage) this.#entered(passage, request);
    return undefined;
  }
  async #wait(passage: Promise<Passage>, request: ApiRequest): Promise<void> {
    const { clock, inqueue } = this.#gate;
    const began = clock.monotonic();
    const sample = isReading(this.#info, request) ? inqueue.readOnly : inqueue.mutating;
    sample.value++;
    try {
      this.#entered(await passage, request);
    } finally {
      sample.value--;
      this.waited = (clock.monotonic() - began) / 1000;
    }
  }
  #entered(passage: Passage, request: ApiRequest): void {
    this.#passage = passage;
    if (this.#over) {
      passage.leave();
      return;
    }
    const { inflight } = this.#gate;
    this.#sample = isReading(this.#info, request) ? inflight.readOnly : inflight.mutating;
    this.#sample.value++;
  }
  /** A watch has sent what there was. */
  initialized(): void {
    this.#done();
    this.#passage?.initialized?.();
  }
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#done();
    this.#passage?.leave();
  }
  #done(): void {
    if (this.#sample) this.#sample.value--;
    this.#sample = undefined;
  }
  /** Leaves with the last byte; who reads slowly holds its place no longer than a request may take. `left`: somebody else calls `leave` at the end. */
  answered(response: ApiResponse, request: Pick<ApiRequest, "asObject">, left: boolean): ApiResponse {
    const passage = this.#passage;
    if (!passage) {
      this.#over = true;
      return response;
    }
    if (passage.headers && !request.asObject) Object.assign(response.headers, passage.headers);
    if (left) return response;
    const streams = response.events !== undefined || (response.body !== undefined && !(response.body instanceof Uint8Array));
    if (!streams) {
      this.leave();
      return response;
    }
    const timer = this.#isLong ? undefined : this.#gate.clock.after(this.#limit, () => this.leave());
    return whenEnded(response, () => {
      timer?.cancel();
      this.leave();
    });
  }
}
