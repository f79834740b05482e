/**
 * Spans to a collector (OTLP over gRPC, opentelemetry-proto v1: collector/trace/v1/trace_service.proto), in batches. What the
 * collector cannot take is lost, and never waited for.
 */
import type { Clock, Timer } from "../clock.ts";
import { connectGrpc, type GrpcClient } from "../grpc/client.ts";
import type { Protocol } from "../grpc/protocol.ts";
import { Writer } from "../grpc/wire.ts";
import type { Logger } from "../logger.ts";
import type { Attributes, AttributeValue, FinishedSpan, SpanContext } from "./span.ts";

/** As upstream's batch span processor has them. Milliseconds where they are times. */
const longestQueue = 2048;
const largestBatch = 512;
const delay = 5000;
const patience = 30_000;

const kinds = { internal: 1, server: 2, client: 3 } as const;
const failed = 2;

const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");
const nanoseconds = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;

/** A message in the making; zero values are left out, as proto3 has it. */
class Fields {
  readonly #writer = new Writer();
  text(field: number, value: string | undefined): this {
    if (value) {
      this.#writer.varint(field * 8 + 2);
      this.#writer.text(value);
    }
    return this;
  }
  bytes(field: number, value: Uint8Array): this {
    this.#writer.varint(field * 8 + 2);
    this.#writer.bytes(value);
    return this;
  }
  varint(field: number, value: number): this {
    this.#writer.varint(field * 8);
    this.#writer.varint(value);
    return this;
  }
  double(field: number, value: number): this {
    this.#writer.varint(field * 8 + 1);
    this.#writer.double(value);
    return this;
  }
  fixed(field: number, value: bigint): this {
    this.#writer.varint(field * 8 + 1);
    this.#writer.fixed64(value);
    return this;
  }
  within(field: number, message: Fields): this {
    return this.bytes(field, message.done());
  }
  done(): Buffer {
    return this.#writer.done();
  }
}

function anyValue(value: AttributeValue): Fields {
  const fields = new Fields();
  if (typeof value === "string") return fields.bytes(1, Buffer.from(value));
  if (typeof value === "boolean") return fields.varint(2, value ? 1 : 0);
  return Number.isInteger(value) ? fields.varint(3, value) : fields.double(4, value);
}
function addAttributes(message: Fields, field: number, attributes: Attributes): Fields {
  for (const [key, value] of Object.entries(attributes)) message.within(field, new Fields().text(1, key).within(2, anyValue(value)));
  return message;
}
const link = ({ traceId, spanId, state }: SpanContext): Fields => new Fields().bytes(1, bytesOf(traceId)).bytes(2, bytesOf(spanId)).text(3, state);

function spanMessage({ name, kind, context, parent, links, began, ended, attributes, error }: FinishedSpan): Fields {
  const message = new Fields().bytes(1, bytesOf(context.traceId)).bytes(2, bytesOf(context.spanId)).text(3, context.state);
  if (parent) message.bytes(4, bytesOf(parent));
  message.text(5, name).varint(6, kinds[kind]).fixed(7, nanoseconds(began)).fixed(8, nanoseconds(ended));
  addAttributes(message, 9, attributes);
  for (const one of links) message.within(13, link(one));
  return error === undefined ? message : message.within(15, new Fields().text(2, error).varint(3, failed));
}

/** An ExportTraceServiceRequest. */
export function encodeSpans(resource: Attributes, scope: string, spans: readonly FinishedSpan[]): Buffer {
  const scoped = new Fields().within(1, new Fields().text(1, scope));
  for (const span of spans) scoped.within(2, spanMessage(span));
  const resourceSpans = new Fields().within(1, addAttributes(new Fields(), 1, resource)).within(2, scoped);
  return new Fields().within(1, resourceSpans).done();
}

interface Methods {
  Export: { request: { message: Uint8Array }; response: object; stream: false };
}
const service = "opentelemetry.proto.collector.trace.v1.TraceService";
/** The collector's one method; a request is the bytes of `encodeSpans`. */
export const traceService: Protocol<Methods> = {
  method: () => ({
    service,
    path: `/${service}/Export`,
    stream: false,
    encodeRequest: ({ message }) => Buffer.from(message as Uint8Array),
    decodeRequest: (message) => ({ message }),
    encodeResponse: () => Buffer.alloc(0),
    decodeResponse: () => ({}),
  }),
};

export interface SpanExporterOptions {
  /** `dns:///HOST:PORT` or `unix:///PATH`. */
  endpoint: string;
  /** Who traces: `service.name` and the like. */
  resource: Attributes;
  /** By which library. */
  scope: string;
  clock: Clock;
  logger: Logger;
}

export class SpanExporter implements AsyncDisposable {
  readonly #options: SpanExporterOptions;
  readonly #client: GrpcClient<Methods>;
  #waiting: FinishedSpan[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #complained = false;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
    this.#client = connectGrpc(options.endpoint, traceService, options.clock);
  }
  /** Spans beyond what may wait are dropped. */
  take(span: FinishedSpan): void {
    if (this.#waiting.length >= longestQueue) return;
    this.#waiting.push(span);
    if (this.#waiting.length >= largestBatch) this.#send();
    else this.#timer ??= this.#options.clock.after(delay, () => this.#send());
  }
  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
    });
  }
  async #drain(): Promise<void> {
    while (this.#waiting.length) {
      const batch = this.#waiting.splice(0, largestBatch);
      const message = encodeSpans(this.#options.resource, this.#options.scope, batch);
      try {
        await this.#client.call("Export", { message }, { timeout: patience });
        this.#complained = false;
      } catch (error) {
        if (!this.#complained) this.#options.logger.warn("traces cannot be exported", { endpoint: this.#options.endpoint, error });
        this.#complained = true;
      }
    }
  }
  /** What waits is sent, once more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send();
    await this.#sending;
    await this.#client[Symbol.asyncDispose]();
  }
}
