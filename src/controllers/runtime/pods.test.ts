import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { isAvailable, nextAvailability } from "./pods.ts";

test("a pod is available when it has been ready long enough", () => {
  const start = Date.parse("2026-01-01T00:00:00Z");
  const pod = { metadata: {}, status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] } } as unknown as Pod;
  assert.equal(isAvailable(pod, 10, start + 9_000), false);
  assert.equal(nextAvailability([pod], 10, start + 9_000), 1_000);
  assert.equal(isAvailable(pod, 10, start + 10_000), true);
  assert.equal(nextAvailability([pod], 10, start + 10_000), undefined);
});
