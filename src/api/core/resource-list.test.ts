import assert from "node:assert/strict";
import { test } from "node:test";
import { type ResourceList, roundUpToMilli } from "./resource-list.ts";

test("amounts finer than a thousandth are rounded up to one in the notation they were written in", () => {
  const list: ResourceList = { exponent: "1e-9", suffix: "100u", whole: "1Gi", kept: "0.5", huge: "123456789012345678901.0001" };
  roundUpToMilli(list);
  assert.deepEqual(list, { exponent: "1e-3", suffix: "1m", whole: "1Gi", kept: "500m", huge: "123456789012345678901001m" });
});
