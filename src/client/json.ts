/**
 * JSON as a client reads and writes it: integers that a double cannot hold are bigint in both directions, everything else
 * is JSON.parse and JSON.stringify, because a client has no use for the server's stricter reading.
 */

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

const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

export function encodeJSON(value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError && /BigInt/.test(error.message))) throw error;
    return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? raw(String(v)) : v));
  }
}
