import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../types/batch-v1.gen.ts";
import { jobKind } from "./job.ts";

function job(more: object): Job {
  const template = { spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" } };
  const made = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "j", namespace: "a", uid: "u" }, spec: { template, ...more } } as unknown as Job;
  jobKind.setDefaults?.(made);
  return made;
}

test("texts that may be left out are shown as JSON where they may not change", () => {
  const found = jobKind.validateUpdate?.(job({ managedBy: "<&>" }), job({ managedBy: "a.b/c" })) ?? [];
  assert.equal(found.findLast(({ field }) => field === "spec.managedBy")?.body, 'Invalid value: "\\u003c\\u0026\\u003e": field is immutable');
});
