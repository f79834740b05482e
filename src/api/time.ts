/**
 * Times and durations as the API writes them: metav1.Time, MicroTime and Duration, Go's time.Duration, and the ages of
 * tables (k8s.io/apimachinery/pkg/util/duration).
 */
import { table } from "../base/table.ts";

/** Thrown for text that is no time or duration; the message is Go's. */
export class TimeError extends Error {}

/** An instant: whole seconds since the epoch and the nanoseconds within the second. */
export interface Instant {
  seconds: number;
  nanos: number;
}

const rfc3339 = "2006-01-02T15:04:05Z07:00";
const rfc3339Micro = "2006-01-02T15:04:05.000000Z07:00";
/** Go's zero time, which the API writes as null. */
export const zeroTime = "0001-01-01T00:00:00Z";
export const zeroMicroTime = "0001-01-01T00:00:00.000000Z";
const zeroSeconds = -62135596800;

/** Of the year 0 and of the year 9999. */
const firstSeconds = -62167219200;
const lastOfSeconds = 253402300799;

const steps: [RegExp, string][] = [
  [/^[0-9]{4}/, "2006"],
  [/^-/, "-"],
  [/^[0-9]{2}/, "01"],
  [/^-/, "-"],
  [/^[0-9]{2}/, "02"],
  [/^T/, "T"],
  [/^[0-9]{1,2}/, "15"],
  [/^:/, ":"],
  [/^[0-9]{2}/, "04"],
  [/^:/, ":"],
  [/^[0-9]{2}/, "05"],
];

const utcSeconds = (year: number, month: number, day: number, hour: number, minute: number, second: number): number =>
  new Date(0).setUTCFullYear(year, month - 1, day) / 1000 + hour * 3600 + minute * 60 + second;

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** In the quotes of Go's time: bytes that are no plain letter of ASCII are told as numbers. */
const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replace(/[^ -\x7f]+/g, (part) => Buffer.from(part).toString("hex").replace(/../g, "\\x$&"))}"`;

/** Throws TimeError. */
export function parseInstant(text: string, micro: boolean): Instant {
  const layout = micro ? rfc3339Micro : rfc3339;
  const fail = (rest: string, element: string): never => {
    throw new TimeError(`parsing time ${quoted(text)} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(element)}`);
  };
  const range = (what: string): never => {
    throw new TimeError(`parsing time ${quoted(text)}: ${what} out of range`);
  };
  let rest = text;
  const numbers: number[] = [];
  for (const [pattern, element] of steps) {
    const match = pattern.exec(rest);
    if (!match) return fail(rest, element);
    if (element.length > 1) numbers.push(Number(match[0]));
    rest = rest.slice(match[0].length);
  }
  let nanos = 0;
  const fraction = micro ? /^[.,][0-9]{6}/.exec(rest) : /^[.,][0-9]+/.exec(rest);
  if (fraction) {
    nanos = Number(fraction[0].slice(1, 10).padEnd(9, "0"));
    rest = rest.slice(fraction[0].length);
  } else if (micro) fail(rest, ".000000");
  const zone = /^(?:Z|([+-])([0-9]{2}):([0-9]{2}))/.exec(rest);
  if (!zone) return fail(rest, "Z07:00");
  if (zone[0].length < rest.length) throw new TimeError(`parsing time ${quoted(text)}: extra text: ${quoted(rest.slice(zone[0].length))}`);
  const [year, month, day, hour, minute, second] = numbers as [number, number, number, number, number, number];
  if (month < 1 || month > 12) range("month");
  if (hour > 23) range("hour");
  if (minute > 59) range("minute");
  if (second > 59) range("second");
  if (day < 1 || day > daysIn(year, month)) range("day");
  if (Number(zone[2] ?? 0) > 24) range("time zone offset hour");
  if (Number(zone[3] ?? 0) > 59) range("time zone offset minute");
  const offset = zone[1] ? (Number(zone[2]) * 3600 + Number(zone[3]) * 60) * (zone[1] === "-" ? -1 : 1) : 0;
  const seconds = utcSeconds(year, month, day, hour, minute, second) - offset;
  // Upstream takes these, though it could not read what it writes of them.
  if (seconds < firstSeconds || seconds > lastOfSeconds) throw new TimeError(`parsing time ${quoted(text)}: year outside of range [0,9999] in UTC`);
  return { seconds, nanos };
}

/** Milliseconds of `time.Second * time.Duration(seconds)`, which begins anew where int64 nanoseconds end: after 292 years. */
export function goSeconds(seconds: number | bigint): number {
  if (Math.abs(Number(seconds)) < 9_223_372_036) return Number(seconds) * 1000;
  return Number(BigInt.asIntN(64, BigInt(seconds) * 1_000_000_000n)) / 1e6;
}

const instant = (ms: number): Instant => {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
};
let lastSeconds = Number.NaN;
let lastDate = "";

/** The last one is remembered: an object is stamped several times within a second. */
function date(seconds: number): string {
  if (seconds === lastSeconds) return lastDate;
  lastDate = new Date(seconds * 1000).toISOString().slice(0, 19);
  lastSeconds = seconds;
  return lastDate;
}

/** RFC 3339, any fraction and offset, to milliseconds since the epoch (with a fraction). Throws TimeError. */
export function parseTime(text: string): number {
  const { seconds, nanos } = parseInstant(text, false);
  return seconds * 1000 + nanos / 1e6;
}
/** As metav1.Time writes it: UTC, whole seconds, cut off. */
export const formatTime = (ms: number): string => `${date(Math.floor(ms / 1000))}Z`;
/** As metav1.MicroTime writes it: UTC, six decimals, cut off. */
export function formatMicroTime(ms: number): string {
  const { seconds, nanos } = instant(ms);
  return `${date(seconds)}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}
/** What metav1.Time stores for the text; null for Go's zero time. Throws TimeError. */
export function canonicalTime(text: string): string | null {
  if (text.length === 20 && fastTime.test(text)) return text;
  const { seconds } = parseInstant(text, false);
  return seconds === zeroSeconds ? null : `${date(seconds)}Z`;
}
/**
 * The same before it is stored: nine decimals where there is a fraction of a second, which validation compares and nothing
 * writes.
 */
export function exactTime(text: string): string | null {
  if (text.length === 20 && fastTime.test(text)) return text;
  const { seconds, nanos } = parseInstant(text, false);
  if (nanos === 0) return seconds === zeroSeconds ? null : `${date(seconds)}Z`;
  return `${date(seconds)}.${String(nanos).padStart(9, "0")}Z`;
}
/** exactTime's text as it is written. */
export const wholeSeconds = (text: string): string => (exact.test(text) ? `${text.slice(0, 19)}Z` : text);
const exact = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;

/** Already canonical beyond doubt: no day that some month lacks, no year 0. */
const fastTime = /^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$/;
/** What metav1.MicroTime stores for the text, which must have six decimals; null for Go's zero time. Throws TimeError. */
export function canonicalMicroTime(text: string): string | null {
  const { seconds, nanos } = parseInstant(text, true);
  if (seconds === zeroSeconds && nanos === 0) return null;
  return `${date(seconds)}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}
/** Milliseconds since the epoch of a MicroTime (with a fraction). Throws TimeError. */
export function parseMicroTime(text: string): number {
  const { seconds, nanos } = parseInstant(text, true);
  return seconds * 1000 + nanos / 1e6;
}

const units = table<bigint>({
  ns: 1n,
  us: 1000n,
  "\u00b5s": 1000n,
  "\u03bcs": 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
});

/** Go's time.ParseDuration, in nanoseconds. Throws TimeError. */
export function parseDurationNanos(text: string): bigint {
  const invalid = (): never => {
    throw new TimeError(`time: invalid duration ${quoted(text)}`);
  };
  const negative = text.startsWith("-");
  let rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === "0") return 0n;
  if (rest === "") return invalid();
  let total = 0n;
  while (rest !== "") {
    const match = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest) as RegExpExecArray;
    const whole = match[1] as string;
    const fraction = match[2] ?? "";
    if (whole === "" && fraction === "") return invalid();
    rest = rest.slice(match[0].length);
    const name = /^[^0-9.]*/.exec(rest)?.[0] ?? "";
    if (name === "") throw new TimeError(`time: missing unit in duration ${quoted(text)}`);
    const unit = units[name];
    if (unit === undefined) throw new TimeError(`time: unknown unit ${quoted(name)} in duration ${quoted(text)}`);
    rest = rest.slice(name.length);
    // What lies beyond an int64 makes a duration invalid, and changes nothing behind the point.
    if (whole.replace(/^0+/, "").length > 19) return invalid();
    const digits = fraction.slice(0, 19);
    total += BigInt(whole || 0) * unit;
    if (digits) total += (BigInt(digits) * unit) / 10n ** BigInt(digits.length);
    if (total > 2n ** 63n || (total === 2n ** 63n && !negative)) return invalid();
  }
  return negative ? -total : total;
}

/** Go's Duration.String: `1h0m5s`, `1.5s`, `250ms`, `0s`. */
export function formatDurationNanos(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  const decimals = (value: bigint, unit: bigint): string => {
    const digits = String(unit).length - 1;
    const fraction = digits
      ? String(value % unit)
          .padStart(digits, "0")
          .replace(/0+$/, "")
      : "";
    return fraction ? `${value / unit}.${fraction}` : String(value / unit);
  };
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimals(size, 1000n)}\u00b5s`;
  if (size < 1_000_000_000n) return `${sign}${decimals(size, 1_000_000n)}ms`;
  const minute = 60_000_000_000n;
  const seconds = `${decimals(size % minute, 1_000_000_000n)}s`;
  const minutes = size / minute;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** Go duration text to milliseconds. Throws TimeError. */
export const parseDuration = (text: string): number => Number(parseDurationNanos(text)) / 1e6;
/** Milliseconds to Go duration text. */
export const formatDuration = (ms: number): string => formatDurationNanos(BigInt(Math.round(ms * 1e6)));
/** What metav1.Duration stores for the text. Throws TimeError. */
export const canonicalDuration = (text: string): string => formatDurationNanos(parseDurationNanos(text));

const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;

/** Of a time.Duration, in milliseconds: more than 292 years. */
const longest = 2 ** 63 / 1e6;

/** An age as tables show it, two units at most; `<invalid>` for what lies more than a second ahead. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(Math.max(-longest, Math.min(ms, longest)) / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}
