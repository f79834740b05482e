/** Timestamps and durations: arithmetic, and the parts of a date; without a zone they are of UTC. */
import { type Library, member, type Overload, overload } from "../declarations.ts";
import { types } from "../types.ts";
import { CelError, type Duration, type Timestamp, type Value } from "../values.ts";
import { clockAt, durationOf, timestampOf } from "./time-values.ts";
import { table } from "../../../base/table.ts";

const { int, string, timestamp, duration } = types;

const parts: [name: string, id: string, idWithZone: string, of: (clock: Date) => number][] = [
  ["getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz", (clock) => clock.getUTCFullYear()],
  ["getMonth", "timestamp_to_month", "timestamp_to_month_with_tz", (clock) => clock.getUTCMonth()],
  ["getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz", dayOfYear],
  ["getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz", (clock) => clock.getUTCDate() - 1],
  ["getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz", (clock) => clock.getUTCDate()],
  ["getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz", (clock) => clock.getUTCDay()],
  ["getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz", (clock) => clock.getUTCHours()],
  ["getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz", (clock) => clock.getUTCMinutes()],
  ["getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz", (clock) => clock.getUTCSeconds()],
  ["getMilliseconds", "timestamp_to_milliseconds", "timestamp_to_milliseconds_with_tz", (clock) => clock.getUTCMilliseconds()],
];
/** Whole units of a duration. */
const units = table<[id: string, nanos: bigint]>({
  getHours: ["duration_to_hours", 3_600_000_000_000n],
  getMinutes: ["duration_to_minutes", 60_000_000_000n],
  getSeconds: ["duration_to_seconds", 1_000_000_000n],
  getMilliseconds: ["duration_to_milliseconds", 1_000_000n],
});

function dayOfYear(clock: Date): number {
  const year = new Date(clock);
  year.setUTCMonth(0, 1);
  return Math.round((clock.getTime() - year.getTime()) / 86_400_000);
}

function getters([name, id, idWithZone, of]: (typeof parts)[number]): Overload[] {
  const part = (value: Timestamp, zone?: string): Value => {
    const clock = clockAt(value, zone);
    return clock instanceof CelError ? clock : BigInt(of(clock));
  };
  const unit = units[name];
  return [
    member(id, [timestamp], int, (value: Timestamp) => part(value)),
    member(idWithZone, [timestamp, string], int, part),
    ...(unit ? [member(unit[0], [duration], int, ({ nanos }: Duration) => nanos / unit[1])] : []),
  ];
}

export const time: Library = {
  functions: {
    ...Object.fromEntries(parts.map((part) => [part[0], getters(part)])),
    "_+_": [
      overload("add_duration_duration", [duration, duration], duration, (a: Duration, b: Duration) => durationOf(a.nanos + b.nanos)),
      overload("add_duration_timestamp", [duration, timestamp], timestamp, (a: Duration, b: Timestamp) => timestampOf(a.nanos + b.nanos, b.offsetMinutes)),
      overload("add_timestamp_duration", [timestamp, duration], timestamp, (a: Timestamp, b: Duration) => timestampOf(a.nanos + b.nanos, a.offsetMinutes)),
    ],
    "_-_": [
      overload("subtract_duration_duration", [duration, duration], duration, (a: Duration, b: Duration) => durationOf(a.nanos - b.nanos)),
      overload("subtract_timestamp_duration", [timestamp, duration], timestamp, (a: Timestamp, b: Duration) => timestampOf(a.nanos - b.nanos, a.offsetMinutes)),
      overload("subtract_timestamp_timestamp", [timestamp, timestamp], duration, (a: Timestamp, b: Timestamp) => durationOf(a.nanos - b.nanos)),
    ],
  },
};
