/**
 * Spans of traces (opentelemetry.io/docs/specs/otel/trace/api, W3C Trace Context): what a piece of work was, when it began and
 * ended, and within which other one. Whether a trace is kept is decided where it begins.
 */
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";

export type AttributeValue = string | number | boolean;
export type Attributes = Record<string, AttributeValue>;
export type SpanKind = "internal" | "server" | "client";

export interface SpanContext {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** `tracestate`, as it came. */
  readonly state?: string;
}

/** A span that has ended. Times are milliseconds since the epoch, with fractions. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent?: string;
  readonly links: readonly SpanContext[];
  readonly began: number;
  readonly ended: number;
  readonly attributes: Attributes;
  /** Absent: it went well, or nobody says. */
  readonly error?: string;
}

export interface StartOptions {
  kind?: SpanKind;
  attributes?: Attributes;
  /** Of the caller. */
  parent?: SpanContext;
  /** The trace is a new one; the caller's is named in it. */
  root?: boolean;
  /** By the clock's monotonic(); @default now */
  began?: number;
}

export interface TracerOptions {
  clock: Clock;
  random: Random;
  /** Part of the traces that begin here that is kept; those that came with a decision keep it. */
  ratio: number;
  take(span: FinishedSpan): void;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const line = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Undefined for none, and for one that is not valid (W3C Trace Context, section 3.2). */
export function parseTraceparent(traceparent: string | undefined, state?: string): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = line.exec(traceparent ?? "") ?? [];
  if (!/[^0]/.test(traceId) || !/[^0]/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, ...(state ? { state } : {}) };
}

/** The headers by which the one that is asked continues the trace. */
export const traceHeaders = ({ traceId, spanId, sampled, state }: SpanContext): Record<string, string> => ({
  traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`,
  ...(state ? { tracestate: state } : {}),
});

export class Tracer {
  readonly #options: TracerOptions;
  constructor(options: TracerOptions) {
    this.#options = options;
  }
  start(name: string, { parent, root = false, ...options }: StartOptions = {}): Span {
    const { random } = this.#options;
    const within = root ? undefined : parent;
    const traceId = within?.traceId ?? hex(random.bytes(16));
    const sampled = within ? within.sampled : this.#keeps(traceId);
    const context = { traceId, spanId: hex(random.bytes(8)), sampled, ...(within?.state ? { state: within.state } : {}) };
    const links = root && parent ? [parent] : [];
    return new Span(this.#options, { name, context, links, kind: "internal", ...options, ...(within ? { parent: within.spanId } : {}) });
  }
  /** The same traces are kept by everybody who keeps as large a part (TraceIDRatioBased of upstream's SDK). */
  #keeps(traceId: string): boolean {
    const { ratio } = this.#options;
    if (ratio >= 1 || ratio <= 0) return ratio >= 1;
    return BigInt(`0x${traceId.slice(16)}`) >> 1n < BigInt(Math.floor(ratio * 2 ** 63));
  }
}

interface Begun {
  name: string;
  kind: SpanKind;
  context: SpanContext;
  parent?: string;
  links: readonly SpanContext[];
  attributes?: Attributes;
  began?: number;
}

export class Span {
  readonly context: SpanContext;
  readonly #options: TracerOptions;
  readonly #begun: Begun;
  readonly #began: number;
  #attributes: Attributes | undefined;
  #error: string | undefined;
  #ended = false;

  constructor(options: TracerOptions, begun: Begun) {
    this.#options = options;
    this.#begun = begun;
    this.context = begun.context;
    this.#began = begun.began ?? options.clock.monotonic();
    this.#attributes = begun.context.sampled ? { ...begun.attributes } : undefined;
  }
  get kind(): SpanKind {
    return this.#begun.kind;
  }
  /** Whether what is told of it is kept: otherwise nothing need be worked out. */
  get isKept(): boolean {
    return this.#attributes !== undefined;
  }
  child(name: string, options: Omit<StartOptions, "parent" | "root"> = {}): Span {
    const { traceId, spanId, sampled } = this.context;
    const context = { ...this.context, traceId, sampled, spanId: hex(this.#options.random.bytes(8)) };
    return new Span(this.#options, { name, kind: "internal", links: [], ...options, context, parent: spanId });
  }
  set(attributes: Attributes): void {
    if (this.#attributes) Object.assign(this.#attributes, attributes);
  }
  fail(error: string): void {
    this.#error = error;
  }
  /** Once; later calls change nothing. */
  end(): void {
    if (this.#ended || !this.#attributes) return;
    this.#ended = true;
    const { clock } = this.#options;
    const { name, kind, context, parent, links } = this.#begun;
    const ended = clock.now();
    this.#options.take({
      ...{ name, kind, context, links, ended, began: ended - (clock.monotonic() - this.#began), attributes: this.#attributes },
      ...(parent ? { parent } : {}),
      ...(this.#error === undefined ? {} : { error: this.#error }),
    });
  }
}
