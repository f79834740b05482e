/** Timestamps and durations: their ranges, their text, and parts of a date in a time zone. */
import { parseDurationNanos, parseInstant } from "../../time.ts";
import { CelError, Duration, Timestamp, type Value } from "../values.ts";
import { maxInt, minInt } from "./arithmetic.ts";

const billion = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const [minSeconds, maxSeconds] = [-62_135_596_800n, 253_402_300_799n];
const timestampOverflow = new CelError("timestamp overflow");
const durationOverflow = new CelError("duration overflow");

export const timestampOf = (nanos: bigint, offsetMinutes = 0): Timestamp | CelError =>
  nanos < minSeconds * billion || nanos >= (maxSeconds + 1n) * billion ? timestampOverflow : new Timestamp(nanos, offsetMinutes);
export const durationOf = (nanos: bigint): Duration | CelError => (nanos > maxInt || nanos < minInt ? durationOverflow : new Duration(nanos));

/** Throws TimeError. */
export function parseTimestamp(text: string): Value {
  const { seconds, nanos } = parseInstant(text, false);
  const zone = /([+-])(\d\d):(\d\d)$/.exec(text);
  const offset = zone ? (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
  return timestampOf(BigInt(seconds) * billion + BigInt(nanos), offset);
}
/** Throws TimeError. */
export const parseDuration = (text: string): Value => durationOf(parseDurationNanos(text));

/** Whole units and their fraction, without zeros at its end. */
function decimal(nanos: bigint): string {
  const positive = nanos < 0n ? -nanos : nanos;
  const fraction = String(positive % billion)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${positive / billion}${fraction ? `.${fraction}` : ""}`;
}
export const formatDuration = ({ nanos }: Duration): string => `${decimal(nanos)}s`;

const floor = (nanos: bigint, unit: bigint): bigint => (nanos - (((nanos % unit) + unit) % unit)) / unit;
export const secondsOf = ({ nanos }: Timestamp): bigint => floor(nanos, billion);

export function formatTimestamp(value: Timestamp): string {
  const seconds = secondsOf(value);
  const { offsetMinutes } = value;
  const date = new Date(Number(seconds) * 1000 + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const fraction = decimal(value.nanos - seconds * billion).slice(1);
  const two = (number: number): string => String(number).padStart(2, "0");
  const away = Math.abs(offsetMinutes);
  return `${date}${fraction}${away === 0 ? "Z" : `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(away / 60))}:${two(away % 60)}`}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Minutes, or a complaint. */
function offsetAt(seconds: bigint, zone: string): number | CelError {
  const fixed = /^([+-]?\d+):([+-]?\d+)$/.exec(zone);
  if (fixed) {
    const [hours, minutes] = [Number(fixed[1]), Number(fixed[2])];
    return zone.startsWith("-") ? hours * 60 - minutes : hours * 60 + minutes;
  }
  if (zone === "" || zone === "UTC") return 0;
  try {
    let format = formats.get(zone);
    if (!format) {
      format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
      if (formats.size < 1000) formats.set(zone, format);
    }
    const name = format.formatToParts(Number(seconds) * 1000).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const parts = /GMT([+-])(\d+):(\d+)/.exec(name);
    return parts ? (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3])) : 0;
  } catch (error) {
    if (error instanceof RangeError) return new CelError(`unknown time zone ${zone}`);
    throw error;
  }
}

/** The date and time of day that a clock in the zone shows, as if it were UTC. */
export function clockAt(value: Timestamp, zone = ""): Date | CelError {
  const seconds = secondsOf(value);
  const offset = offsetAt(seconds, zone);
  if (offset instanceof CelError) return offset;
  return new Date(Number(seconds) * 1000 + offset * 60_000 + Number(floor(value.nanos - seconds * billion, 1_000_000n)));
}
