/**
 * The webhook back end: events gathered and sent as audit.k8s.io/v1 EventLists (k8s.io/apiserver/plugin/pkg/audit/{webhook,buffered,
 * truncate}). Requests never wait for it: what finds no room, or is not taken after five tries, is dropped and told.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { jittered, type Random } from "../../base/random.ts";
import type { OutgoingSeries } from "../outside/post.ts";
import type { AuditEvent, AuditSink } from "./auditor.ts";
import { encodeEvent } from "./encode.ts";

export interface AuditWebhookOptions {
  /** Rejects where the events are not taken. */
  send(body: Buffer, signal: AbortSignal, outgoing?: OutgoingSeries): Promise<void>;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Milliseconds before the second try. @default 10000 */
  initialBackoff?: number;
  /** Events that wait to be sent. @default 10000 */
  bufferSize?: number;
  /** Events of a batch. @default 400 */
  maxBatch?: number;
  /** Milliseconds after which a batch goes that is not full. @default 30000 */
  maxWait?: number;
  /** Batches a second, and how many at once; undefined: no limit. @default 10 and 15 */
  throttle?: { qps: number; burst: number } | undefined;
  /** Bytes of a batch and of an event; larger events lose their bodies, and go if that is not enough. Absent: nothing is cut. */
  truncate?: { maxBatch: number; maxEvent: number };
}

const tries = 5;
const growth = 1.5;
const jitter = 0.2;
const truncated = "audit.k8s.io/truncated";
const head = '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[';

const encoded = (event: AuditEvent): string => encodeEvent(event).trimEnd();

/** Undefined: too large even without bodies. */
export function fitting(event: AuditEvent, most: number): string | undefined {
  const whole = encoded(event);
  if (Buffer.byteLength(whole) <= most) return whole;
  if (!event.requestObject && !event.responseObject) return undefined;
  const { requestObject: _request, responseObject: _response, ...rest } = event;
  const cut = encoded({ ...rest, annotations: { ...event.annotations, [truncated]: "true" } });
  return Buffer.byteLength(cut) <= most ? cut : undefined;
}

export class AuditWebhook implements AuditSink, AsyncDisposable {
  readonly #options: AuditWebhookOptions;
  readonly #stop = new AbortController();
  readonly #sending = new Set<Promise<void>>();
  #outgoing: OutgoingSeries | undefined;
  #events: string[] = [];
  #dropped = 0;
  #timer: Timer | undefined;
  #tokens: number;
  #refilled: number;

  constructor(options: AuditWebhookOptions) {
    this.#options = { throttle: { qps: 10, burst: 15 }, ...options };
    this.#tokens = this.#options.throttle?.burst ?? 0;
    this.#refilled = options.clock.monotonic();
  }
  write(event: AuditEvent): void {
    const { truncate, bufferSize = 10_000, maxBatch = 400, maxWait = 30_000, clock } = this.#options;
    const text = truncate ? fitting(event, truncate.maxEvent) : encoded(event);
    if (text === undefined || this.#events.length >= bufferSize || this.#stop.signal.aborted) {
      this.#drop(1);
      return;
    }
    this.#events.push(text);
    if (this.#events.length >= maxBatch) this.#send();
    else this.#timer ??= clock.after(maxWait, () => this.#send());
  }
  measured(outgoing: OutgoingSeries): void {
    this.#outgoing = outgoing;
  }
  /** What was taken is tried once more, without waiting. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    await Promise.all(this.#sending);
    const { maxBatch = 400 } = this.#options;
    while (this.#events.length) await this.#attempt(this.#batch(maxBatch), 1);
  }

  /** As many batches as may go now. */
  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, maxBatch = 400 } = this.#options;
    while (this.#events.length > 0 && !this.#stop.signal.aborted) {
      const wait = this.#turn();
      if (wait > 0) {
        this.#timer = clock.after(wait, () => this.#send());
        return;
      }
      const sending = this.#attempt(this.#batch(maxBatch), tries).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
      if (this.#events.length < maxBatch) break;
    }
    if (this.#events.length > 0) this.#timer ??= clock.after(this.#options.maxWait ?? 30_000, () => this.#send());
  }
  /** Milliseconds until the next batch may go; 0: it goes. */
  #turn(): number {
    const { throttle, clock } = this.#options;
    if (!throttle) return 0;
    const now = clock.monotonic();
    this.#tokens = Math.min(throttle.burst, this.#tokens + ((now - this.#refilled) / 1000) * throttle.qps);
    this.#refilled = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 1000) / throttle.qps);
    this.#tokens--;
    return 0;
  }
  #batch(most: number): string[] {
    const bytes = this.#options.truncate?.maxBatch ?? Number.POSITIVE_INFINITY;
    let size = 0;
    let count = 0;
    for (const event of this.#events) {
      size += Buffer.byteLength(event);
      if (count === most || (count > 0 && size > bytes)) break;
      count++;
    }
    return this.#events.splice(0, count);
  }
  async #attempt(batch: string[], times: number): Promise<void> {
    const { send, clock, random, logger, initialBackoff = 10_000 } = this.#options;
    const body = Buffer.from(`${head}${batch.join(",")}]}`);
    let wait = initialBackoff;
    for (let left = times; ; left--) {
      try {
        // A batch that is on its way is let through, also at the end.
        await send(body, new AbortController().signal, this.#outgoing);
        return;
      } catch (error) {
        if (left <= 1 || this.#stop.signal.aborted) {
          logger.error("audit events are lost: the webhook does not take them", { events: batch.length, error });
          return;
        }
      }
      await clock.sleep(jittered(wait, jitter, random), this.#stop.signal).catch(() => undefined);
      wait *= growth;
    }
  }
  #drop(events: number): void {
    // The first of a row is told, so that a flood of events is no flood of lines.
    if (this.#dropped === 0) {
      this.#options.logger.error("audit events are lost: they are too many or too large for the webhook");
      this.#options.clock.after(10_000, () => {
        if (this.#dropped > 1) this.#options.logger.error("audit events were lost", { events: this.#dropped });
        this.#dropped = 0;
      });
    }
    this.#dropped += events;
  }
}
