/** What a collector is sent (opentelemetry-proto v1), read with a reader of its own: it judges our writer. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: string;
  links: number;
  /** Absent where the status is no error. */
  error?: string;
  attributes: Record<string, unknown>;
}

type Field = [number: number, value: number | bigint | Buffer];

/** The fields of a message in their order. */
function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) found.push([number, varint()]);
    else if ((tag & 7) === 2) {
      const size = Number(varint());
      found.push([number, bytes.subarray(at, at + size)]);
      at += size;
    } else {
      const size = (tag & 7) === 1 ? 8 : 4;
      found.push([number, size === 8 ? bytes.readDoubleLE(at) : bytes.readFloatLE(at)]);
      at += size;
    }
  }
  return found;
}
const all = (bytes: Buffer, wanted: number): Buffer[] => fields(bytes).flatMap(([number, value]) => (number === wanted ? [value as Buffer] : []));
const one = (bytes: Buffer, wanted: number): Buffer => all(bytes, wanted)[0] ?? Buffer.alloc(0);

function contentOf(bytes: Buffer): unknown {
  const [[number, value] = [1, Buffer.alloc(0)]] = fields(bytes);
  if (number === 1) return (value as Buffer).toString("utf8");
  if (number === 2) return value !== 0n;
  return Number(value);
}
const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];

function spanOf(bytes: Buffer): CollectedSpan {
  const numbers = new Map(fields(bytes).map(([number, value]) => [number, value]));
  const attributes = Object.fromEntries(all(bytes, 9).map((pair) => [one(pair, 1).toString("utf8"), contentOf(one(pair, 2))]));
  const status = new Map(fields(one(bytes, 15)));
  return {
    traceId: one(bytes, 1).toString("hex"),
    spanId: one(bytes, 2).toString("hex"),
    parentSpanId: one(bytes, 4).toString("hex"),
    name: one(bytes, 5).toString("utf8"),
    kind: kinds[Number(numbers.get(6) ?? 0)] ?? "?",
    links: all(bytes, 13).length,
    attributes,
    ...(status.get(3) === 2n ? { error: ((status.get(2) as Buffer | undefined) ?? "").toString() } : {}),
  };
}

/** Of an ExportTraceServiceRequest. */
export const readSpans = (message: Buffer): CollectedSpan[] =>
  all(message, 1).flatMap((resource) => all(resource, 2).flatMap((scope) => all(scope, 2).map(spanOf)));
