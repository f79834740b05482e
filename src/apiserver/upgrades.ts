/** A request that asks for another protocol: counted and audited from its answer to the end of its connection. */
import { goQuote } from "../api/go-quote.ts";
import type { UserInfo } from "../api/exchange.ts";
import { StatusError } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { AuditRecord } from "./audit/auditor.ts";
import type { RequestSeries } from "./metrics/requests.ts";
import type { RequestInfo } from "./request-info.ts";

/** Upstream's words; of its authorizers most say nothing. */
export const mayNotCreate = ({ resource, name }: RequestInfo, reason: string): StatusError =>
  new StatusError({
    code: 403,
    reason: "Forbidden",
    message: `${resource} ${goQuote(name)} is forbidden: ${reason}`,
    details: { name, kind: resource },
  });

export class AdmittedUpgrade {
  readonly info: RequestInfo;
  /** Who asks, once that is known. */
  user: UserInfo | undefined;
  readonly #clock: Clock;
  readonly #began: number;
  #series: RequestSeries | undefined;
  #audit: AuditRecord | undefined;
  #code = 101;
  #over = false;

  constructor(info: RequestInfo, clock: Clock) {
    this.info = info;
    this.#clock = clock;
    this.#began = clock.monotonic();
  }
  audited(audit: AuditRecord | undefined): AuditRecord | undefined {
    this.#audit = audit;
    return audit;
  }
  counted(series: RequestSeries): void {
    this.#series = series;
    series.running.value++;
  }
  /** The answer is sent: protocols are switched, or the target has refused with this code. */
  started(code: number): void {
    if (this.#over) return;
    this.#code = code;
    this.#audit?.started(code);
  }
  /** The connection is over, or `error` kept it from being made. Told once; later words change nothing. */
  ended(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const refusal = error instanceof StatusError ? error : undefined;
    const code = refusal?.code ?? (error === undefined ? this.#code : 500);
    this.#audit?.end(code, refusal?.status);
    if (!this.#series) return;
    this.#series.running.value--;
    this.#series.done(code, (this.#clock.monotonic() - this.#began) / 1000, undefined);
  }
}
