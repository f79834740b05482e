import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob } from "../types/batch-v1.gen.ts";
import { cronJobKind } from "./cronjob.ts";

test("a time zone is known by the name that the database has, links among them", () => {
  const wrong = (timeZone: string): string[] => {
    const template = { spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" } };
    const spec = { schedule: "@daily", timeZone, jobTemplate: { spec: { template } } };
    const made = { apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "j", namespace: "a" }, spec } as unknown as CronJob;
    cronJobKind.setDefaults?.(made);
    return (cronJobKind.validate?.(made) ?? []).filter(({ field }) => field === "spec.timeZone").map(({ body }) => body);
  };
  for (const zone of ["UTC", "Europe/Berlin", "US/Pacific", "Etc/GMT+1", "America/Argentina/Buenos_Aires", "GMT"]) assert.deepEqual(wrong(zone), [], zone);
  for (const zone of ["utc", "us/pacific", "Nope/Zone", "+01:00", "gmt"]) assert.equal(wrong(zone).length, 1, zone);
});
