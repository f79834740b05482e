/** Transformers told apart by what values begin with (k8s.io/apiserver/pkg/storage/value/transformer.go). */
import { aggregateText } from "../../api/field.ts";
import type { Clock } from "../../base/clock.ts";
import { encryptedUnread, isEncrypted, type TransformContext, type Transformed, type ValueTransformer } from "../../cache/transformer.ts";
import type { EncryptionSeries } from "./metrics.ts";

export interface Prefixed {
  /** Empty for values that are stored as they are. */
  prefix: string;
  transformer: ValueTransformer;
}

/** Values as they are; those that somebody encrypted are refused. */
export const identity: ValueTransformer = {
  fromStorage(data) {
    if (isEncrypted(data)) throw new Error(encryptedUnread);
    return { data, stale: false };
  },
  toStorage: (data) => data,
};

/** Several errors as one, in Go's words. */
export function aggregate(errors: readonly Error[]): Error {
  if (errors.length === 1) return errors[0] as Error;
  return new Error(aggregateText(errors.map(({ message }) => message)));
}

interface Part extends Prefixed {
  bytes: Buffer;
}

/** Reads with each whose prefix is there, until one succeeds; writes with the first. */
export class PrefixTransformers implements ValueTransformer {
  readonly #parts: readonly Part[];
  readonly #unmatched: string;
  readonly #series: EncryptionSeries;
  readonly #clock: Clock;

  constructor(parts: readonly Prefixed[], unmatched: string, series: EncryptionSeries, clock: Clock) {
    this.#parts = parts.map((part) => ({ ...part, bytes: Buffer.from(part.prefix) }));
    this.#unmatched = unmatched;
    this.#series = series;
    this.#clock = clock;
  }
  async fromStorage(data: Uint8Array, context: TransformContext): Promise<Transformed> {
    const began = this.#clock.monotonic();
    const errors: Error[] = [];
    const record = (prefix: string, error?: Error): void =>
      this.#series.transformed({ resource: context.resource, type: "from_storage", prefix, seconds: (this.#clock.monotonic() - began) / 1000, error });
    for (const [i, { prefix, bytes, transformer }] of this.#parts.entries()) {
      if (!bytes.equals(data.subarray(0, bytes.length))) continue;
      try {
        const read = await transformer.fromStorage(data.subarray(bytes.length), context);
        record(prefix || "identity");
        return { data: read.data, stale: read.stale || i !== 0 };
      } catch (error) {
        // Who turns encryption off puts identity first: what is still encrypted is then another's to read.
        if (!prefix) continue;
        record(prefix, error as Error);
        errors.push(error as Error);
      }
    }
    if (errors.length) throw aggregate(errors);
    const unmatched = new Error(this.#unmatched);
    record("unknown", unmatched);
    throw unmatched;
  }
  toStorage(data: Uint8Array, context: TransformContext): Uint8Array {
    const began = this.#clock.monotonic();
    const { prefix, bytes, transformer } = this.#parts[0] as Part;
    const record = (error?: Error): void =>
      this.#series.transformed({ resource: context.resource, type: "to_storage", prefix, seconds: (this.#clock.monotonic() - began) / 1000, error });
    let written: Uint8Array;
    try {
      written = transformer.toStorage(data, context);
    } catch (error) {
      record(error as Error);
      throw error;
    }
    record();
    return bytes.length ? Buffer.concat([bytes, written]) : written;
  }
}
