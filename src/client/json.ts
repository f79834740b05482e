/**
 * JSON as a client reads and writes it: integers that a double cannot hold are bigint in both directions. What is read is
 * otherwise JSON.parse's, because a client has no use for the server's stricter reading.
 */
import { encodeJSONString } from "../api/codec/json.ts";

/** A value of 16 digits or more; strings with such a run only cost the slow path, never a wrong result. */
const longInteger = /[:,[]\s*-?\d{16}/;

export function decodeJSON(text: string): unknown {
  if (!longInteger.test(text)) return JSON.parse(text);
  return JSON.parse(text, reviveIntegers as (this: unknown, key: string, value: unknown) => unknown);
}

function reviveIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !context?.source) return value;
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

/**
 * As Go writes it, `<`, `>` and `&` escaped: what an API server keeps as raw bytes (the data of a ControllerRevision) is
 * compared byte by byte by upstream's controllers.
 */
export const encodeJSON = (value: object): string => encodeJSONString(value);
