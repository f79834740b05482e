import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob } from "../../api/types/batch-v1.gen.ts";
import { dueRun } from "./cron-due.ts";
import { CronScheduleError, parseCronSchedule } from "../../api/batch/cron-schedule.ts";

const at = (text: string): number => Date.parse(text);
const next = (schedule: string, after: string, zone = "UTC"): string => {
  const ms = parseCronSchedule(schedule, zone).next(at(after));
  return ms === undefined ? "never" : new Date(ms).toISOString().slice(0, 16);
};

test("the next run follows minute, hour, day, month and weekday", () => {
  assert.equal(next("*/15 * * * *", "2026-01-01T10:07:30Z"), "2026-01-01T10:15");
  assert.equal(next("0 0 1 * *", "2026-01-31T10:00:00Z"), "2026-02-01T00:00");
  assert.equal(next("30 6 29 FEB *", "2026-03-01T00:00:00Z"), "2028-02-29T06:30");
  assert.equal(next("0 12 * * MON-WED", "2026-01-01T00:00:00Z"), "2026-01-05T12:00");
  assert.equal(next("@weekly", "2026-01-01T00:00:00Z"), "2026-01-04T00:00");
  assert.equal(next("0 0 31 2 *", "2026-01-01T00:00:00Z"), "never");
});

test("when both days are given either of them matches", () => {
  assert.equal(next("0 0 13 * 5", "2026-01-01T00:00:00Z"), "2026-01-02T00:00");
  assert.equal(next("0 0 13 * *", "2026-01-01T00:00:00Z"), "2026-01-13T00:00");
});

test("a time zone shifts the clock, also over the change to summer time", () => {
  assert.equal(next("0 9 * * *", "2026-01-01T00:00:00Z", "America/New_York"), "2026-01-01T14:00");
  assert.equal(next("0 9 * * *", "2026-03-29T00:00:00Z", "Europe/Berlin"), "2026-03-29T07:00");
  assert.equal(next("TZ=Asia/Tokyo 0 0 * * *", "2026-01-01T00:00:00Z"), "2026-01-01T15:00");
});

test("what is no schedule is refused with upstream's text", () => {
  const refused = (schedule: string, text: RegExp, zone = "UTC"): void => {
    assert.throws(
      () => parseCronSchedule(schedule, zone),
      (error) => error instanceof CronScheduleError && text.test(error.message),
    );
  };
  refused("* * * *", /expected exactly 5 fields, found 4: \[\* \* \* \*\]/);
  refused("60 * * * *", /end of range \(60\) above maximum \(59\): 60/);
  refused("*/0 * * * *", /step of range should be a positive number: \*\/0/);
  refused("@never", /unrecognized descriptor: @never/);
  refused("* * * * *", /unknown time zone Mars\/Base/, "Mars/Base");
});

const cron = (status: object, spec: object = {}): CronJob =>
  ({ metadata: { name: "c", creationTimestamp: "2026-01-01T00:00:00Z" }, spec, status }) as unknown as CronJob;

test("of the runs that were missed only the last is due, and many are reported", () => {
  const hourly = parseCronSchedule("0 * * * *", "UTC");
  const due = (status: object, now: string, spec?: object) => dueRun(cron(status, spec), hourly, at(now));
  assert.deepEqual(due({}, "2026-01-01T00:30:00Z"), { tooManyMissed: false });
  assert.deepEqual(due({ lastScheduleTime: "2026-01-01T01:00:00Z" }, "2026-01-01T04:30:00Z"), { at: at("2026-01-01T04:00:00Z"), tooManyMissed: false });
  assert.deepEqual(due({}, "2026-01-10T00:10:00Z"), { at: at("2026-01-10T00:00:00Z"), tooManyMissed: true });
  assert.deepEqual(due({}, "2026-01-10T00:10:00Z", { startingDeadlineSeconds: 300 }), { tooManyMissed: false });
});
